//! A whole reply of a model.

mod reply_content;

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use reply_content::ReplyContent;

use crate::{
    Block, Content, Json, SharedText, StopReason, ToolCall, Usage,
    message::fields::{Fields, Name},
};

/// A model's whole reply to one request. It is collected from [`Delta`](crate::Delta)s, or read
/// from the body of a reply that was not streamed.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The API's id of the reply; `None` if the API gives none.
    pub id: Option<SharedText>,
    /// The model that answered; `None` if the API does not say.
    pub model: Option<SharedText>,
    /// The content blocks, in order.
    pub content: Vec<Block>,
    /// Why the model stopped.
    pub stop_reason: StopReason,
    /// Details that the API adds to the stop reason, unchanged, for example the category of a
    /// refusal. `None` if the API adds none.
    pub stop_details: Option<Json>,
    /// The tokens that the request and the reply used.
    pub usage: Usage,
    /// Other fields of the reply, unchanged, for example `stop_sequence` and `container`. The entry
    /// `usage` has the fields that [`Usage::details`] returns.
    pub extra: BTreeMap<String, Json>,
    /// Results of early calls for which the end of the reply leaves no tools' turn, by the ids of
    /// the calls in the conversation. They are not in the JSON of the reply.
    pub(crate) early_results: BTreeMap<String, EarlyResult>,
}

/// The result of a call that was made before its reply had ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EarlyResult {
    pub(crate) content: Content,
    pub(crate) is_error: bool,
}

impl Response {
    /// Whether a field of the JSON is a field of this struct, or the same in every reply.
    pub(crate) fn is_named(field: &str) -> bool {
        ["id", "type", "role", "model", "content", "stop_reason", "stop_details"].contains(&field)
    }

    /// Makes a reply of these blocks.
    pub fn new(content: Vec<Block>, stop_reason: StopReason) -> Self {
        let (usage, extra, early_results) = (Usage::default(), BTreeMap::new(), BTreeMap::new());
        Self { id: None, model: None, content, stop_reason, stop_details: None, usage, extra, early_results }
    }

    /// Makes a reply of one text, with the stop reason [`EndTurn`](StopReason::EndTurn).
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(vec![Block::text(text)], StopReason::EndTurn)
    }

    /// Reads the JSON body of a reply that was not streamed. The blocks share the text of the body.
    pub fn read(body: impl Into<Arc<str>>) -> Result<Self, serde_json::Error> {
        Self::of(&Json::unread(body))
    }

    fn of(json: &Json) -> Result<Self, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_str(json.text());
        let reply = Reply(json).deserialize(&mut reader)?;
        reader.end()?;
        Ok(reply)
    }

    /// The tool calls of the reply, in order.
    pub fn tool_calls(&self) -> impl Iterator<Item = &Arc<ToolCall>> {
        self.content.iter().filter_map(Block::as_tool_use)
    }

    /// Returns the reply with this usage.
    pub fn with_usage(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }

    /// The id of the API's container, its sandbox for code, in which the API ran its server tools
    /// for this reply. `None` if it used no container. The next request sends the id, so that files
    /// in the container are still there.
    pub fn container(&self) -> Option<String> {
        Fields::of(self.extra.get("container")?.text()).ok()?.read("id")
    }
}

/// Writes the API's JSON. Fields that are null are left out, except `id`, `model` and
/// `stop_reason`.
impl Serialize for Response {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { id, model, content, stop_reason, stop_details, usage, extra, early_results: _ } = self;
        let usage = Json::of(usage).expect("counts can always be written");
        let mut fields = Fields::default();
        fields.set("id", id);
        fields.set("model", model);
        fields.set("content", content);
        fields.set("stop_reason", stop_reason);
        if let Some(details) = stop_details {
            fields.set("stop_details", details);
        }
        fields.set("usage", &with_details(&usage, extra.get("usage")));
        let others = extra.iter().filter(|(name, _)| !Self::is_named(name) && *name != "usage");
        others.for_each(|(name, value)| fields.set(name, value));
        fields.serialize(serializer)
    }
}

/// The counts as JSON, with the fields of [`Usage::details`] merged in.
fn with_details<'a>(usage: &'a Json, details: Option<&'a Json>) -> Fields<'a> {
    let fields = |json: &'a Json| Fields::of(json.text()).unwrap_or_default();
    let (mut all, more) = (fields(usage), details.map(fields).unwrap_or_default());
    for (name, value) in more.iter() {
        let counts = all.get(name).and_then(|counts| Fields::of(counts.get()).ok());
        let joined = counts.map(|mut counts| {
            counts.extend(Fields::of(value.get()).unwrap_or_default());
            counts.json()
        });
        match joined {
            Some(counts) => all.set(name.to_owned(), &counts),
            None => all.set(name.to_owned(), value),
        }
    }
    all
}

impl<'de> Deserialize<'de> for Response {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(&Json::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Reads a reply in one pass. Its parts share the text. If a field occurs twice, the first counts.
struct Reply<'j>(&'j Json);

impl<'de> DeserializeSeed<'de> for Reply<'_> {
    type Value = Response;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Response, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Reply<'_> {
    type Value = Response;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Response, A::Error> {
        let mut reply = Response::new(Vec::new(), StopReason::open());
        let (mut content, mut stop_reason, mut usage) = (None, None, None::<&RawValue>);
        while let Some(Name(name)) = map.next_key()? {
            match &*name {
                "content" if content.is_none() => content = Some(within(&name, map.next_value())?),
                "stop_reason" if stop_reason.is_none() => stop_reason = within(&name, map.next_value())?,
                "usage" if usage.is_none() => usage = map.next_value()?,
                "id" if reply.id.is_none() => reply.id = label(map.next_value()?),
                "model" if reply.model.is_none() => reply.model = label(map.next_value()?),
                "stop_details" if reply.stop_details.is_none() => {
                    reply.stop_details = map.next_value::<Option<&RawValue>>()?.map(|raw| self.0.part(raw));
                }
                named if Response::is_named(named) || named == "usage" => {
                    map.next_value::<IgnoredAny>()?;
                }
                _ => {
                    let value: Option<&RawValue> = map.next_value()?;
                    reply.extra.extend(value.map(|value| (name.into_owned(), self.0.part(value))));
                }
            }
        }
        // As in a stream, a reply with a stop reason but no content is valid.
        if content.is_none() && stop_reason.is_none() {
            return Err(A::Error::missing_field("content"));
        }
        let content = content.unwrap_or(ReplyContent::Nothing);
        reply.content = within("content", content.blocks(self.0).map_err(A::Error::custom))?;
        reply.stop_reason = stop_reason.unwrap_or(reply.stop_reason);
        if let Some(usage) = usage.map(|usage| self.0.part(usage)) {
            reply.usage = within("usage", usage.parse().map_err(A::Error::custom))?;
            reply.extra.extend(Usage::details(&usage).map(|details| ("usage".to_owned(), details)));
        }
        Ok(reply)
    }
}

/// Reads an id or a name. A number becomes its text.
fn label(value: Option<&RawValue>) -> Option<SharedText> {
    let written = value?.get();
    let number = || written.parse::<f64>().is_ok().then(|| written.into());
    serde_json::from_str(written).ok().or_else(number)
}

fn within<T, E: Error>(name: &str, value: Result<T, E>) -> Result<T, E> {
    value.map_err(|error| E::custom(format_args!("{name}, {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a reply and writes it again.
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
    fn counts_that_have_no_name_here_are_kept_beside_those_that_have() {
        check(
            r#"{"content":[],"stop_reason":"end_turn","usage":{"output_tokens":2,
                "server_tool_use":{"web_search_requests":1,"dreams":7},
                "cache_creation":{"ephemeral_1d_input_tokens":5,"ephemeral_5m_input_tokens":null}}}"#,
            r#"{"id":null,"model":null,"content":[],"stop_reason":"end_turn","usage":{"input_tokens":0,"output_tokens":2,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"server_tool_use":{"web_search_requests":1,"web_fetch_requests":0,"dreams":7},"cache_creation":{"ephemeral_1d_input_tokens":5}}}"#,
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
    fn a_body_that_is_cut_in_an_escape_is_an_error() {
        for body in [r#"{"id":"\u0041\"#, "{\"id\":\"\\u0041\\\u{e9}\"}", r#"{"id":"\ud83e\u"#] {
            assert!(Response::read(body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_reply_of_another_shape_says_what_is_wrong() {
        let wrong = |reply: &str| serde_json::from_str::<Response>(reply).unwrap_err().to_string();
        assert_eq!(wrong("{}"), "missing field `content` at line 1 column 2");
        assert_eq!(
            wrong(r#"{"content":[],"usage":{"cache_creation":"3"}}"#),
            "usage, at /cache_creation: invalid type: string \"3\", expected struct CacheCreation at line 1 column 45"
        );
        assert_eq!(
            wrong(r#"{"content":7}"#),
            "content, invalid type: integer `7`, expected a list of blocks at line 1 column 12"
        );
        assert_eq!(
            wrong(r#"{"content":[{}]}"#),
            "content, not a content block: at the top level: missing field `type` at line 1 column 16"
        );
    }
}
