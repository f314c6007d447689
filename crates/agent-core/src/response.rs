//! A whole reply of a model.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Block, Json, StopReason, ToolCall, Usage, fields::Fields};

/// What a model answered to one request: the fold of its [`Delta`](crate::Delta)s, or the JSON body
/// of a request that was not streamed.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Response {
    /// The API's id of the reply.
    pub id: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    /// What it said, block by block.
    pub content: Vec<Block>,
    /// Why it stopped.
    pub stop_reason: StopReason,
    /// What the API adds to the stop reason, as it came: a refusal's category, for one.
    pub stop_details: Option<Json>,
    /// What it cost.
    pub usage: Usage,
    /// The reply's other fields, as they came: `stop_sequence`, `container`. Under `usage` is what
    /// [`Usage::details`] finds.
    pub extra: BTreeMap<String, Json>,
}

impl Response {
    /// Whether a reply's field has a place of its own here, or says what any reply says.
    pub(crate) fn is_named(field: &str) -> bool {
        ["id", "type", "role", "model", "content", "stop_reason", "stop_details"].contains(&field)
    }

    /// A reply of these blocks.
    pub fn new(content: Vec<Block>, stop_reason: StopReason) -> Self {
        let (usage, extra) = (Usage::default(), BTreeMap::new());
        Self { id: None, model: None, content, stop_reason, stop_details: None, usage, extra }
    }

    /// A reply of words that ends the turn.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(vec![Block::text(text)], StopReason::EndTurn)
    }

    /// The calls in it, in order.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.content.iter().filter_map(Block::as_tool_use)
    }

    /// The same reply with what it cost.
    pub fn with_usage(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }

    /// The id of the container that tools of the server ran in.
    pub fn container(&self) -> Option<String> {
        let container: Fields = self.extra.get("container")?.parse().ok()?;
        container.get("id")?.parse().ok()
    }
}

/// As the API writes it, null fields left out but for `id`, `model` and `stop_reason`.
impl From<Response> for Fields {
    fn from(response: Response) -> Self {
        let Response { id, model, content, stop_reason, stop_details, usage, mut extra } = response;
        let mut all_usage = Self::default();
        all_usage.extend(Json::of(&usage).ok().as_ref());
        all_usage.extend(extra.remove("usage").as_ref());

        let mut fields = Self::default();
        fields.set("id", &id);
        fields.set("model", &model);
        fields.set("content", &content);
        fields.set("stop_reason", &stop_reason);
        if let Some(details) = stop_details {
            fields.set("stop_details", &details);
        }
        fields.set("usage", &all_usage);
        for (name, value) in extra.iter().filter(|(name, _)| !Response::is_named(name)) {
            fields.set(name, value);
        }
        fields
    }
}

impl TryFrom<Fields> for Response {
    type Error = String;

    fn try_from(mut fields: Fields) -> Result<Self, String> {
        let content = fields.take("content").ok_or("missing field `content`")?;
        let content = content.parse().map_err(|error| format!("content, {error}"))?;
        let stop_reason = take::<StopReason>(&mut fields, "stop_reason")?;
        let usage = fields.take("usage").filter(|usage| !usage.is_null());
        let mut response =
            Self::new(content, stop_reason.unwrap_or_else(|| StopReason::Other("null".to_owned())));
        if let Some(usage) = usage {
            response.usage = usage.parse().map_err(|error| format!("usage, {error}"))?;
            response.extra.extend(Usage::details(&usage).map(|details| ("usage".to_owned(), details)));
        }
        (response.id, response.model) = (take(&mut fields, "id")?, take(&mut fields, "model")?);
        response.stop_details = take(&mut fields, "stop_details")?;
        // What is named is still there if it was there twice.
        fields.retain(|name, value| !Self::is_named(name) && name != "usage" && !value.is_null());
        response.extra.extend(fields);
        Ok(response)
    }
}

fn take<T: DeserializeOwned>(fields: &mut Fields, name: &str) -> Result<Option<T>, String> {
    let value = fields.take(name).filter(|value| !value.is_null());
    value.map(|value| value.parse()).transpose().map_err(|error| format!("{name}, {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a reply and writes it.
    fn check(reply: &str, expected: &str) {
        let read: Response = serde_json::from_str(reply).unwrap();
        let written = serde_json::to_string(&read).unwrap();
        assert_eq!(written, expected);
        assert_eq!(serde_json::from_str::<Response>(&written).unwrap(), read);
    }

    #[test]
    fn fields_that_have_no_name_here_are_kept_as_they_came() {
        check(
            r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Hi"}],
                "stop_reason":"stop_sequence","stop_sequence":"END","stop_details":null,"container":{"id":"c_1", "z":1},
                "usage":{"input_tokens":3,"output_tokens":4,"cache_creation":{"ephemeral_1h_input_tokens":5},
                "server_tool_use":{"web_search_requests":2},"service_tier":"standard","inference_geo":null}}"#,
            r#"{"id":"msg_1","model":"m","content":[{"type":"text","text":"Hi"}],"stop_reason":"stop_sequence","usage":{"input_tokens":3,"output_tokens":4,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":5},"server_tool_use":{"web_search_requests":2,"web_fetch_requests":0},"service_tier":"standard"},"container":{"id":"c_1", "z":1},"stop_sequence":"END"}"#,
        );
    }

    #[test]
    fn of_two_fields_of_one_name_the_second_does_not_stand_for_the_first() {
        check(
            r#"{"content":[],"stop_reason":"end_turn","usage":{"input_tokens":3,"tier":1},"usage":{"input_tokens":9},"content":7}"#,
            r#"{"id":null,"model":null,"content":[],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"tier":1}}"#,
        );
    }

    #[test]
    fn a_reply_of_another_shape_says_what_is_wrong() {
        let wrong = |reply: &str| serde_json::from_str::<Response>(reply).unwrap_err().to_string();
        assert_eq!(wrong("{}"), "missing field `content`");
        assert_eq!(
            wrong(r#"{"content":[],"usage":{"input_tokens":"3"}}"#),
            "usage, at /input_tokens: invalid type: string \"3\", expected u64"
        );
    }
}
