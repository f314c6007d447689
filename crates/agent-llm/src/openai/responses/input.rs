//! The input items of a request of the Responses API.

use std::borrow::Cow;

use agent_core::{
    Block, Content, Json, Message, Request,
    message::{BlockKind, ToolCall},
};
use serde::Serialize;

use crate::{
    json_text::{List, Object, json, value, word},
    openai::{
        content::{self, Part},
        fields::Fields,
        history::{self, WriteHistory},
        names::{sent_id, sent_name},
        openai_blocks::{self, Kept, Others},
        sent_bodies::{Mark, Repeated},
        settings::BodySettings,
        words::{FAILED, joined, only_words, result_words},
    },
};

/// How many characters the id of a call may have.
const LONGEST_ID: usize = 64;

/// The type of an item of reasoning.
const REASONING: &str = "reasoning";

/// The type of an item that somebody says.
const MESSAGE: &str = "message";

/// An item, as it is written. Source: `ResponseInputItemParam` of the official clients.
enum Item<'a> {
    Message(Said<'a>),
    /// A call, and its other fields.
    Call(&'a ToolCall, Others),
    /// What the call with this id led to.
    Output(&'a str, Words<'a>),
    /// One of a reply, as it came.
    Kept(Json),
}

#[derive(Serialize)]
struct Said<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    role: &'static str,
    content: Words<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<Json>,
}

impl Item<'_> {
    /// Writes it. There may be thousands of calls and outputs, so these are written out.
    fn write(&self, text: &mut Vec<u8>) {
        match self {
            Self::Message(said) => value(text, said),
            Self::Kept(item) => json(text, item),
            Self::Call(call, others) => {
                text.extend_from_slice(br#"{"type":"function_call","call_id":"#);
                word(text, &sent_id(&call.id, LONGEST_ID));
                text.extend_from_slice(br#","name":"#);
                word(text, &sent_name(&call.name));
                text.extend_from_slice(br#","arguments":"#);
                value(text, call.input.text());
                let mut call = Object::go_on(text);
                others.iter().for_each(|(name, value)| call.set_json(name, value));
                call.end();
            }
            Self::Output(call, output) => {
                text.extend_from_slice(br#"{"type":"function_call_output","call_id":"#);
                word(text, &sent_id(call, LONGEST_ID));
                text.extend_from_slice(br#","output":"#);
                value(text, output);
                text.push(b'}');
            }
        }
    }
}

/// One text, or parts.
#[derive(Serialize)]
#[serde(untagged)]
enum Words<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<SentPart<'a>>),
    Said([SaidPart<'a>; 1]),
}

/// What a model said, as it says it.
#[derive(Serialize)]
struct SaidPart<'a> {
    r#type: &'static str,
    text: Cow<'a, str>,
    annotations: [(); 0],
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum SentPart<'a> {
    #[serde(rename = "input_text")]
    Text { text: Cow<'a, str> },
    #[serde(rename = "input_image")]
    Image { image_url: Cow<'a, str>, detail: &'static str },
    #[serde(rename = "input_file")]
    File {
        #[serde(skip_serializing_if = "Option::is_none")]
        filename: Option<Cow<'a, str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_data: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_url: Option<Cow<'a, str>>,
    },
}

/// What follows a reply that the server has: the messages, the calls of the reply, and its id.
pub(super) type Held<'a> = (&'a [Message], &'a [Block], &'a str);

/// What is new for the server, if it has what was before.
pub(super) fn held<'a>(settings: &BodySettings, request: &'a Request) -> Option<Held<'a>> {
    // Whoever keeps replies calls them so.
    history::new_messages(request).filter(|(.., reply)| settings.store && reply.starts_with("resp"))
}

/// Writes the list of items.
pub(super) fn write(
    text: &mut Vec<u8>,
    settings: &BodySettings,
    request: &Request,
    held: Option<Held<'_>>,
    repeated: &mut Repeated,
) {
    let (sent, copied) = (List::begin(text), Mark::default());
    let mut writer = Writer { settings, sent, written: 0, reply: Vec::new(), repeated, copied };
    match held {
        Some((new, called, _)) => {
            history::write(new, called, &mut writer);
            writer.repeated.forget_history();
        }
        None => {
            writer.copied = writer.repeated.begin(&mut writer.sent, &request.messages);
            writer.written = writer.copied.items;
            history::write(&request.messages[writer.copied.messages..], &[], &mut writer);
        }
    }
    writer.sent.end();
}

struct Writer<'a, 't, 's> {
    settings: &'s BodySettings,
    sent: List<'t>,
    /// How many items are written.
    written: usize,
    /// The items of a reply, until all of them are known.
    reply: Vec<Item<'a>>,
    repeated: &'s mut Repeated,
    /// What was copied from the body before.
    copied: Mark,
}

impl<'a> WriteHistory<'a> for Writer<'a, '_, '_> {
    fn instruct(&mut self, message: &'a Message) {
        let text = message.text();
        if !text.trim().is_empty() {
            self.say("system", Words::Text(text.into()));
        }
    }

    /// Blocks that only Claude can read, or that ran at its server, are not sent: what they led to
    /// stands in the text.
    fn assistant(&mut self, message: &'a Message) {
        let mut texts = Vec::new();
        for block in message.content() {
            match block.kind() {
                BlockKind::Text(text) => texts.push(text.as_str()),
                BlockKind::ToolUse(call) => {
                    self.said(&mut texts, None);
                    self.reply.push(Item::Call(call, Others::new()));
                }
                BlockKind::Other(_) => self.kept(block, &mut texts),
                _ => {}
            }
        }
        self.said(&mut texts, None);
        self.drop_last_reasoning();
        std::mem::take(&mut self.reply).iter().for_each(|item| self.add(item));
    }

    fn result(&mut self, call: &'a str, content: &'a Content, is_error: bool) {
        if let Some(words) = only_words(content, is_error) {
            return self.add(&Item::Output(call, Words::Text(words.into())));
        }
        let parts = content::of_result(content);
        let output = match parts.iter().all(|part| matches!(part, Part::Text(_))) {
            true => Words::Text(result_words(parts, is_error, false)),
            false => {
                let failed = is_error.then(|| Part::Text(FAILED.into()));
                Words::Parts(failed.into_iter().chain(parts).map(sent).collect())
            }
        };
        self.add(&Item::Output(call, output));
    }

    fn user(&mut self, blocks: Vec<&'a Block>) {
        let mut parts = Vec::new();
        blocks.into_iter().for_each(|block| content::add(block, &mut parts));
        if !parts.is_empty() {
            self.say("user", Words::Parts(parts.into_iter().map(sent).collect()));
        }
    }

    fn mark(&mut self, messages: usize) {
        self.repeated.mark(&self.sent, self.copied.messages + messages, self.written);
    }
}

impl<'a> Writer<'a, '_, '_> {
    fn add(&mut self, item: &Item<'_>) {
        item.write(self.sent.item());
        self.written += 1;
    }

    fn say(&mut self, role: &'static str, content: Words<'_>) {
        let said = Said { r#type: MESSAGE, id: None, status: None, role, content, phase: None };
        self.add(&Item::Message(said));
    }

    /// The words so far of a reply. OpenAI's own server takes them as a text, and would look for an
    /// item by its id. Others want an item as the server writes it, id included.
    fn said(&mut self, texts: &mut Vec<&'a str>, phase: Option<Json>) {
        let Some(text) = joined(std::mem::take(texts)) else { return };
        let (id, status, content) = match self.settings.is_compatible {
            false => (None, None, Words::Text(text)),
            true => {
                let said = SaidPart { r#type: "output_text", text, annotations: [] };
                let id = format!("msg_{}", self.written + self.reply.len());
                (Some(id), Some("completed"), Words::Said([said]))
            }
        };
        let role = "assistant";
        self.reply.push(Item::Message(Said { r#type: MESSAGE, id, status, role, content, phase }));
    }

    /// Reasoning at the end of a reply led to nothing that is sent: the reply was cut, or what it
    /// led to was left out. OpenAI's server refuses it then.
    fn drop_last_reasoning(&mut self) {
        let is_reasoning = |item: &Item<'_>| matches!(item, Item::Kept(item) if kind(item) == REASONING);
        while self.reply.last().is_some_and(is_reasoning) {
            self.reply.pop();
        }
    }

    fn kept(&mut self, block: &'a Block, texts: &mut Vec<&'a str>) {
        match Kept::of(block) {
            Some(Kept::Item(item)) => {
                self.said(texts, None);
                if self.is_sent(&item) {
                    self.reply.push(Item::Kept(item));
                }
            }
            Some(Kept::Text(mut fields)) => self.said(texts, fields.remove("phase")),
            Some(Kept::Call(fields)) => {
                if let Some(Item::Call(_, others)) = self.reply.last_mut() {
                    *others = fields;
                }
            }
            Some(Kept::Message(_)) | None => {}
        }
    }

    /// Reasoning is sent with what it says: encrypted to OpenAI's own server, in words to others.
    /// Without that, a server looks for its id, and only one that keeps replies finds it.
    fn is_sent(&self, item: &Json) -> bool {
        let Ok(fields) = Fields::of(item.text()) else { return false };
        let says =
            |name: &str| fields.get(name).is_some_and(|value| !openai_blocks::says_nothing(value.get()));
        let kind = fields.text("type").unwrap_or_default();
        let is_readable = says(if self.settings.is_compatible { "content" } else { "encrypted_content" });
        openai_blocks::asking(&kind).is_none() && (kind != REASONING || self.settings.store || is_readable)
    }
}

fn kind(item: &Json) -> String {
    Fields::of(item.text()).ok().and_then(|fields| fields.text("type")).unwrap_or_default()
}

fn sent(part: Part<'_>) -> SentPart<'_> {
    let file = |filename, file_data, file_url| SentPart::File { filename, file_data, file_url };
    match part {
        Part::Text(text) => SentPart::Text { text },
        Part::Image(url) => SentPart::Image { image_url: url, detail: "auto" },
        Part::File { name, data } => file(Some(name), Some(data), None),
        Part::FileUrl(url) => file(None, None, Some(url)),
    }
}
