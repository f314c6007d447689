//! What a scenario needs to know about a request, in whichever API it came.

use serde_json::Value;

/// What a scenario needs to know about a request, in whichever API it came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RequestReading {
    /// The number of replies of the model in it.
    pub(crate) turn: usize,
    /// The texts of the system prompt.
    pub(crate) system: Vec<String>,
    /// The text of the last message. Results of calls are not in it.
    pub(crate) last_text: String,
    /// The texts of the results since the last reply.
    pub(crate) results: Vec<String>,
    /// The tool that the default scenario calls: the one that the request forces, or the first with
    /// a schema.
    pub(crate) tool: Option<OfferedTool>,
    /// The reply is to be streamed.
    pub(crate) streaming: bool,
}

/// A tool that a request offers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OfferedTool {
    pub(crate) name: String,
    pub(crate) schema: Value,
}

impl OfferedTool {
    /// The tool of a definition that has its name and this schema. `None` if it has none: a tool
    /// that runs on the server is not called here.
    pub(crate) fn of(definition: &Value, schema: &str) -> Option<Self> {
        let schema = definition[schema].clone();
        let name = definition["name"].as_str().unwrap_or_default().to_owned();
        schema.is_object().then_some(Self { name, schema })
    }
}
