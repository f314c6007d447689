//! A reply of the Responses API in one piece, as it comes if it is not streamed, and at the end of
//! a stream.

use std::borrow::Cow;

use serde::de::MapAccess;
use serde_json::value::RawValue;

use crate::openai::{
    fields::Fields,
    object::{Known, Listed},
};

/// A whole reply.
#[derive(Debug, Default)]
pub(super) struct Whole<'a> {
    /// Its items. `None` if the field is absent or `null`.
    pub(super) output: Option<Vec<&'a RawValue>>,
    /// All other fields.
    pub(super) fields: Fields<'a>,
}

impl<'de> Known<'de> for Whole<'de> {
    fn read_field<A: MapAccess<'de>>(&mut self, name: Cow<'de, str>, map: &mut A) -> Result<(), A::Error> {
        match &*name {
            "output" => {
                let output: Option<Listed<&RawValue>> = map.next_value()?;
                self.output = output.map(|Listed(items)| items);
                Ok(())
            }
            _ => self.fields.read_field(name, map),
        }
    }
}
