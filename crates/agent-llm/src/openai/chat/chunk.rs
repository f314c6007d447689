//! What a chunk of a reply of chat completions says.

use std::borrow::Cow;

use serde::de::MapAccess;
use serde_json::value::RawValue;

use crate::openai::{
    fields::Fields,
    object::{Known, field, objects, pass_over},
};

/// A chunk, or the whole body of a reply that was not streamed. As in all of these, a field that is
/// absent or `null` is `None`.
#[derive(Debug, Default)]
pub(super) struct Chunk<'a> {
    pub(super) id: Option<&'a RawValue>,
    pub(super) model: Option<&'a RawValue>,
    pub(super) choices: Option<Vec<Choice<'a>>>,
    pub(super) usage: Option<&'a RawValue>,
    pub(super) error: Option<&'a RawValue>,
    pub(super) obfuscation: Option<&'a RawValue>,
    pub(super) others: Fields<'a>,
}

#[derive(Debug, Default)]
pub(super) struct Choice<'a> {
    pub(super) index: Option<&'a RawValue>,
    /// A piece of the message.
    pub(super) delta: Option<Message<'a>>,
    /// The whole message, of a reply that was not streamed. In a box, since a piece of a stream has
    /// none.
    pub(super) message: Option<Box<Message<'a>>>,
    pub(super) finish_reason: Option<&'a RawValue>,
    /// Why the server gave up, as OpenRouter says it.
    pub(super) error: Option<&'a RawValue>,
    /// What the reply cost, as Moonshot says it.
    pub(super) usage: Option<&'a RawValue>,
}

/// A message, or a piece of one.
#[derive(Debug, Default)]
pub(super) struct Message<'a> {
    pub(super) reasoning_content: Option<&'a RawValue>,
    pub(super) reasoning: Option<&'a RawValue>,
    pub(super) content: Option<&'a RawValue>,
    pub(super) refusal: Option<&'a RawValue>,
    pub(super) tool_calls: Option<Vec<Call<'a>>>,
    /// The call from before there could be several.
    pub(super) function_call: Option<Function<'a>>,
    pub(super) others: Fields<'a>,
}

/// A call, or a piece of one.
#[derive(Debug, Default)]
pub(super) struct Call<'a> {
    pub(super) index: Option<&'a RawValue>,
    pub(super) id: Option<&'a RawValue>,
    pub(super) function: Option<Function<'a>>,
    pub(super) others: Fields<'a>,
}

#[derive(Debug, Default)]
pub(super) struct Function<'a> {
    pub(super) name: Option<&'a RawValue>,
    pub(super) arguments: Option<&'a RawValue>,
}

impl<'de> Known<'de> for Chunk<'de> {
    fn read_field<A: MapAccess<'de>>(&mut self, name: Cow<'de, str>, map: &mut A) -> Result<(), A::Error> {
        match &*name {
            "id" => self.id = map.next_value()?,
            "model" => self.model = map.next_value()?,
            "choices" => self.choices = objects(map)?,
            "usage" => self.usage = map.next_value()?,
            "error" => self.error = map.next_value()?,
            "obfuscation" => self.obfuscation = map.next_value()?,
            // It says what every chunk says.
            "object" => pass_over(map)?,
            _ => self.others.read_field(name, map)?,
        }
        Ok(())
    }
}

impl<'de> Known<'de> for Choice<'de> {
    fn read_field<A: MapAccess<'de>>(&mut self, name: Cow<'de, str>, map: &mut A) -> Result<(), A::Error> {
        match &*name {
            "index" => self.index = map.next_value()?,
            "message" => self.message = field(map)?.map(Box::new),
            "delta" => self.delta = field(map)?,
            "finish_reason" => self.finish_reason = map.next_value()?,
            "error" => self.error = map.next_value()?,
            "usage" => self.usage = map.next_value()?,
            _ => pass_over(map)?,
        }
        Ok(())
    }
}

impl<'de> Known<'de> for Message<'de> {
    fn read_field<A: MapAccess<'de>>(&mut self, name: Cow<'de, str>, map: &mut A) -> Result<(), A::Error> {
        match &*name {
            "reasoning_content" => self.reasoning_content = map.next_value()?,
            "reasoning" => self.reasoning = map.next_value()?,
            "content" => self.content = map.next_value()?,
            "refusal" => self.refusal = map.next_value()?,
            "tool_calls" => self.tool_calls = objects(map)?,
            "function_call" => self.function_call = field(map)?,
            "role" => pass_over(map)?,
            _ => self.others.read_field(name, map)?,
        }
        Ok(())
    }
}

impl<'de> Known<'de> for Call<'de> {
    fn read_field<A: MapAccess<'de>>(&mut self, name: Cow<'de, str>, map: &mut A) -> Result<(), A::Error> {
        match &*name {
            "index" => self.index = map.next_value()?,
            "id" => self.id = map.next_value()?,
            "function" => self.function = field(map)?,
            "type" => pass_over(map)?,
            _ => self.others.read_field(name, map)?,
        }
        Ok(())
    }
}

impl<'de> Known<'de> for Function<'de> {
    fn read_field<A: MapAccess<'de>>(&mut self, name: Cow<'de, str>, map: &mut A) -> Result<(), A::Error> {
        match &*name {
            "name" => self.name = map.next_value()?,
            "arguments" => self.arguments = map.next_value()?,
            _ => pass_over(map)?,
        }
        Ok(())
    }
}
