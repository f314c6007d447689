//! The tools of a request, as the API reads them.

use agent_core::{Json, Request, ToolSpec};
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};

/// The agent's own tools, then those that run at the API's.
pub(crate) struct Tools<'a>(pub(crate) &'a Request);

impl Tools<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.tools.is_empty() && self.0.server_tools.is_empty()
    }
}

impl Serialize for Tools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for spec in self.0.tools.iter() {
            list.serialize_element(&Definition(spec))?;
        }
        for tool in self.0.server_tools.iter() {
            list.serialize_element::<Json>(tool)?;
        }
        list.end()
    }
}

struct Definition<'a>(&'a ToolSpec);

impl Serialize for Definition<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ToolSpec { name, description, input_schema, extra, .. } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", name)?;
        map.serialize_entry("description", description)?;
        map.serialize_entry("input_schema", input_schema)?;
        for (field, value) in extra {
            map.serialize_entry(field, value)?;
        }
        map.end()
    }
}
