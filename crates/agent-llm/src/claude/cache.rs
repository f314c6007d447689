//! Where cache markers pay.

use std::collections::BTreeMap;

use agent_core::{Block, Content, Json, Message, Request, message::BlockKind};
use serde::Deserialize;
use serde_json::json;

/// How long the API's prompt cache keeps the beginning of a request. Set it with
/// [`ClaudeBuilder::cache`](crate::ClaudeBuilder::cache). Source:
/// <https://docs.claude.com/en/docs/build-with-claude/prompt-caching>.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// Five minutes from its last use.
    FiveMinutes,
    /// An hour from its last use. Writing to the cache costs more than with five minutes.
    OneHour,
}

/// The most markers the API takes.
const MOST: usize = 4;

const FIELD: &str = "cache_control";

impl Cache {
    fn marker(self) -> Json {
        match self {
            Self::FiveMinutes => json!({"type": "ephemeral"}),
            Self::OneHour => json!({"type": "ephemeral", "ttl": "1h"}),
        }
        .into()
    }

    /// What a marker says, if it is one.
    fn of(marker: &Json) -> Option<Self> {
        #[derive(Deserialize)]
        struct Marker {
            ttl: Option<String>,
        }
        let marker: Option<Marker> = marker.parse().ok()?;
        Some(if marker?.ttl.as_deref() == Some("1h") { Self::OneHour } else { Self::FiveMinutes })
    }
}

/// Where a marker stands, in the order in which the API goes through a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Tool(usize),
    ServerTool(usize),
    System(usize),
    Message(usize),
    /// The one for the request as a whole, which the API takes as one at its end.
    Whole,
}

/// The markers that a program has set itself. They stay, and ours give way to them.
struct Given(Vec<(Place, Cache)>);

impl Given {
    /// Whether one stands here.
    fn is_at(&self, place: Place) -> bool {
        self.0.iter().any(|(given, _)| *given == place)
    }

    /// How long ours may keep in this place, if one may stand here at all. The API refuses one of
    /// an hour after one of five minutes.
    fn fitting(&self, place: Place, kept: Cache) -> Option<Cache> {
        let before = |(given, _): &&(Place, Cache)| *given <= place;
        match kept {
            Cache::OneHour => {
                match self.0.iter().filter(before).any(|(_, given)| *given == Cache::FiveMinutes) {
                    true => Some(Cache::FiveMinutes),
                    false => Some(Cache::OneHour),
                }
            }
            Cache::FiveMinutes => {
                let later = self.0.iter().any(|(given, kept)| *given > place && *kept == Cache::OneHour);
                (!later).then_some(Cache::FiveMinutes)
            }
        }
    }
}

/// The request with markers at the end of the tools, of the system prompt, of the history, and of
/// the history as it was before the last reply, where the last request put one. Markers that are
/// there already stay, and count; `fields` are what the settings have in the place of the request's
/// own fields, or beside them.
pub(crate) fn marked(request: &Request, kept: Cache, fields: &BTreeMap<String, Json>) -> Request {
    let mut request = request.clone();
    let field = |request: &Request, name: &str| request.extra.get(name).or_else(|| fields.get(name)).cloned();
    let own = |name| field(&request, name).is_none();
    let (own_tools, own_system, own_messages) = (own("tools"), own("system"), own("messages"));
    let given = given(&request, |name| field(&request, name));
    let mut left = MOST.saturating_sub(given.0.len());
    // The end of the history first: it pays most when there are few markers left.
    let mut take = |place| {
        let fitting = given.fitting(place, kept).filter(|_| left > 0 && !given.is_at(place))?;
        left -= 1;
        Some(fitting)
    };
    let last = request.messages.len().saturating_sub(1);
    let ends: Vec<usize> = ends(&request.messages).take(2).filter(|_| own_messages).collect();
    for place in ends {
        // The one for the whole is at the end already.
        let taken = place == last && given.is_at(Place::Whole);
        if let Some(kept) = (!taken).then(|| take(Place::Message(place))).flatten() {
            request.messages[place] = marked_message(&request.messages[place], kept);
        }
    }
    if let Some(place) = request.system.iter().rposition(|block| !block.is_blank()).filter(|_| own_system) {
        if let Some(kept) = take(Place::System(place)) {
            request.system[place] = marked_block(&request.system[place], kept);
        }
    }
    if let Some(place) = request.tools.len().checked_sub(1).filter(|_| own_tools) {
        if let Some(kept) = take(Place::Tool(place)) {
            let mut tools = request.tools.to_vec();
            tools[place].extra.insert(FIELD.to_owned(), kept.marker());
            request.tools = tools.into();
        }
    }
    request
}

/// Those in the request, or in the fields that are sent in the place of its own.
fn given(request: &Request, field: impl Fn(&str) -> Option<Json>) -> Given {
    let mut given = Vec::new();
    let listed = |name: &str| field(name).map(|list| in_json(&list));
    let mut add = |place: fn(usize) -> Place, of: Vec<Vec<Cache>>| {
        let places = of
            .into_iter()
            .enumerate()
            .flat_map(|(at, kept)| kept.into_iter().map(move |kept| (place(at), kept)));
        given.extend(places);
    };
    add(
        Place::Tool,
        listed("tools").unwrap_or_else(|| {
            request
                .tools
                .iter()
                .map(|tool| tool.extra.get(FIELD).and_then(Cache::of).into_iter().collect())
                .collect()
        }),
    );
    if field("tools").is_none() {
        add(Place::ServerTool, request.server_tools.iter().map(in_object).collect());
    }
    add(Place::System, listed("system").unwrap_or_else(|| request.system.iter().map(in_block).collect()));
    add(
        Place::Message,
        listed("messages").unwrap_or_else(|| {
            request
                .messages
                .iter()
                .map(|message| message.content().iter().flat_map(in_block).collect())
                .collect()
        }),
    );
    given.extend(field(FIELD).and_then(|marker| Cache::of(&marker)).map(|kept| (Place::Whole, kept)));
    Given(given)
}

/// The places of the messages that requests end with, the last one first: those before a reply.
fn ends(messages: &[Message]) -> impl Iterator<Item = usize> {
    use agent_core::Role::Assistant;
    let is_end = |place: &usize| {
        let next = messages.get(place + 1).map(Message::role);
        messages[*place].role() != Assistant && (next == Some(Assistant) || next.is_none())
    };
    (0..messages.len()).rev().filter(is_end)
}

/// Those of a block, also in the result of a tool.
fn in_block(block: &Block) -> Vec<Cache> {
    // To look for the word costs much less than to take the block apart, and each request looks at
    // each block.
    if !block.json().text().contains(FIELD) {
        return Vec::new();
    }
    let inner = match block.kind() {
        BlockKind::ToolResult { content: Content::Blocks(blocks), .. } => {
            blocks.iter().flat_map(in_block).collect()
        }
        _ => Vec::new(),
    };
    inner.into_iter().chain(block.field(FIELD).and_then(|marker| Cache::of(&marker))).collect()
}

fn in_object(tool: &Json) -> Vec<Cache> {
    let fields: BTreeMap<String, Json> = tool.parse().unwrap_or_default();
    fields.get(FIELD).and_then(Cache::of).into_iter().collect()
}

/// Those of each item of a list, also in their contents.
fn in_json(list: &Json) -> Vec<Vec<Cache>> {
    let items: Vec<Json> = list.parse().unwrap_or_default();
    let within = |item: &Json| {
        let fields: BTreeMap<String, Json> = item.parse().unwrap_or_default();
        let inner = fields.get("content").map(in_json).unwrap_or_default();
        inner.into_iter().flatten().chain(in_object(item)).collect()
    };
    items.iter().map(within).collect()
}

fn marked_message(message: &Message, kept: Cache) -> Message {
    let mut blocks = message.content().to_vec();
    let is_thinking =
        |block: &Block| matches!(block.kind(), BlockKind::Thinking { .. } | BlockKind::RedactedThinking);
    let can_be = |block: &&mut Block| !is_thinking(block) && !block.is_blank();
    if let Some(block) = blocks.iter_mut().rev().find(can_be) {
        *block = marked_block(block, kept);
    }
    message.with_content(blocks)
}

fn marked_block(block: &Block, kept: Cache) -> Block {
    // A block that can't have the field goes as it is.
    block.with(FIELD, kept.marker()).unwrap_or_else(|_| block.clone())
}

#[cfg(test)]
mod tests {
    use agent_core::ToolSpec;

    use super::*;

    fn request() -> Request {
        let call = Block::tool_use("a", "f", json!({}));
        let result = Block::tool_result("a", "1".into(), false);
        let mut request = Request::new(vec![
            Message::user("Go."),
            Message::assistant(vec![call]),
            Message::user(vec![result]),
        ]);
        request.system = vec![Block::text("Base."), Block::text("Own.")];
        request.tools = ["f", "g"].map(|name| ToolSpec::new(name, "", json!({"type": "object"}))).into();
        request
    }

    /// Where the markers are and for how many minutes, as short words.
    fn places(request: &Request) -> Vec<String> {
        let given = given(request, |name| request.extra.get(name).cloned());
        let words = |(place, kept): &(Place, Cache)| {
            let minutes = if *kept == Cache::OneHour { 60 } else { 5 };
            match place {
                Place::Tool(at) => format!("tool {} {minutes}", request.tools[*at].name),
                Place::System(at) => format!("system {} {minutes}", request.system[*at].as_text().unwrap()),
                Place::Message(at) => format!("message {at} {minutes}"),
                Place::ServerTool(at) => format!("server tool {at} {minutes}"),
                Place::Whole => format!("whole {minutes}"),
            }
        };
        given.0.iter().map(words).collect()
    }

    fn marked_by(request: &Request, kept: Cache) -> Request {
        marked(request, kept, &BTreeMap::new())
    }

    #[test]
    fn markers_stand_at_the_ends_of_tools_system_and_history() {
        let marked = marked_by(&request(), Cache::OneHour);
        assert_eq!(places(&marked), ["tool g 60", "system Own. 60", "message 0 60", "message 2 60"]);
        let last = marked.messages[2].content()[0].json().text();
        assert!(last.ends_with(r#""cache_control":{"ttl":"1h","type":"ephemeral"}}"#), "{last}");
    }

    #[test]
    fn fault_36_cache_control_is_neither_lost_nor_too_many() {
        let mut request = request();
        let own = Block::text("Own.").with(FIELD, json!({"type": "ephemeral"})).unwrap();
        request.system = vec![own.clone(), own.clone()];
        request.messages[0] = Message::user(vec![own]);
        let marked = marked_by(&request, Cache::FiveMinutes);
        assert_eq!(places(&marked), ["system Own. 5", "system Own. 5", "message 0 5", "message 2 5"]);
        // One inside of a result, one for the whole.
        let own = request.system.pop().unwrap();
        let result = Block::tool_result("a", Content::Blocks(vec![own]), false);
        request.messages[2] = Message::user(vec![result]);
        let whole = BTreeMap::from([(FIELD.to_owned(), json!({"type": "ephemeral"}).into())]);
        let marked = super::marked(&request, Cache::FiveMinutes, &whole);
        assert_eq!(marked, request);
    }

    /// The request with a marker on the first tool, a tool of the server, the first block of the
    /// system prompt, a block of a message, within the result, or on the whole.
    fn given_at(at: &str, ttl: &str) -> Request {
        let mut request = request();
        let marker = || json!({"type": "ephemeral", "ttl": ttl});
        match at {
            "tool" => {
                let mut tools = request.tools.to_vec();
                tools[0].extra.insert(FIELD.to_owned(), marker().into());
                request.tools = tools.into();
            }
            "server tool" => {
                let search = json!({"type": "web_search_20260318", "name": "s", FIELD: marker()});
                request.server_tools = [Json::from(search)].into();
            }
            "system" => request.system[0] = request.system[0].with(FIELD, marker()).unwrap(),
            "message" => {
                let block = Block::text("Go.").with(FIELD, marker()).unwrap();
                request.messages[0] = Message::user(vec![block, Block::text("Now.")]);
            }
            "result" => {
                let block = Block::text("1").with(FIELD, marker()).unwrap();
                request.messages[2] = Message::user(vec![Block::tool_result("a", vec![block].into(), false)]);
            }
            "whole" => drop(request.extra.insert(FIELD.to_owned(), marker().into())),
            other => panic!("{other}"),
        }
        request
    }

    #[test]
    fn field_56_our_markers_give_way_to_the_programs() {
        let check = |at: &str, ttl: &str, kept: Cache, expected: &[&str]| {
            let request = given_at(at, ttl);
            let marked = marked_by(&request, kept);
            assert_eq!(places(&marked), expected, "{at} {ttl} {kept:?}");
            let body = crate::claude::wire::body(&crate::ClaudeBuilder::default().cache(kept), &request);
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(agent_mock::check(&body), Ok(()), "{at} {ttl} {kept:?}");
            assert!(expected.len() <= MOST);
        };
        use Cache::{FiveMinutes, OneHour};
        // After one of five minutes ours keep no longer either.
        check("tool", "5m", OneHour, &["tool f 5", "system Own. 5", "message 0 5", "message 2 5"]);
        check(
            "server tool",
            "5m",
            OneHour,
            &["server tool 0 5", "system Own. 5", "message 0 5", "message 2 5"],
        );
        check("system", "5m", OneHour, &["system Base. 5", "system Own. 5", "message 0 5", "message 2 5"]);
        check("message", "5m", OneHour, &["tool g 60", "system Own. 60", "message 0 5", "message 2 5"]);
        check("result", "5m", OneHour, &["tool g 60", "system Own. 60", "message 0 60", "message 2 5"]);
        check("whole", "5m", OneHour, &["tool g 60", "system Own. 60", "message 0 60", "whole 5"]);
        // Before one of an hour none of five minutes can stand.
        check("tool", "1h", FiveMinutes, &["tool f 60", "system Own. 5", "message 0 5", "message 2 5"]);
        check(
            "system",
            "1h",
            FiveMinutes,
            &["system Base. 60", "system Own. 5", "message 0 5", "message 2 5"],
        );
        check("message", "1h", FiveMinutes, &["message 0 60", "message 2 5"]);
        check("result", "1h", FiveMinutes, &["message 2 60"]);
        check("whole", "1h", FiveMinutes, &["whole 60"]);
        // What is alike goes together.
        check(
            "system",
            "1h",
            OneHour,
            &["system Base. 60", "system Own. 60", "message 0 60", "message 2 60"],
        );
        check(
            "system",
            "5m",
            FiveMinutes,
            &["system Base. 5", "system Own. 5", "message 0 5", "message 2 5"],
        );
    }

    #[test]
    fn field_56_markers_in_fields_that_take_the_place_of_the_requests_own_count_too() {
        let marker = json!({"type": "ephemeral"});
        let system = json!([{"type": "text", "text": "Mine.", FIELD: marker}, {"type": "text", "text": "."}]);
        let fields = BTreeMap::from([("system".to_owned(), Json::from(system))]);
        let marked = marked(&request(), Cache::OneHour, &fields);
        assert_eq!(places(&marked), ["tool g 60", "message 0 5", "message 2 5"]);
    }
}
