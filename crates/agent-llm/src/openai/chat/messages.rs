//! The messages of a request of chat completions.

use std::borrow::Cow;

use agent_core::{
    Block, Content, Message, Request,
    message::{BlockKind, ToolCall},
};
use serde::Serialize;

use crate::{
    json_text::{List, Object, list, value, word},
    openai::{
        content::{self, Part},
        history::{self, WriteHistory},
        names::{sent_id, sent_name},
        openai_blocks::{self, Kept, Others},
        sent_bodies::Repeated,
        settings::BodySettings,
        words::{joined, only_words, result_words},
    },
};

/// How many characters the id of a call may have. OpenAI takes 64 now, and took 40 for long, as
/// some servers that speak like it still do.
const LONGEST_ID: usize = 40;

/// The field of a message that OpenRouter wants back as it came.
const BACK: &str = "reasoning_details";

/// What a user says: one text as such, which all servers take, and anything else in parts.
#[derive(Serialize)]
#[serde(untagged)]
enum Words<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<SentPart<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum SentPart<'a> {
    Text { text: Cow<'a, str> },
    ImageUrl { image_url: Url<'a> },
    File { file: File<'a> },
}

#[derive(Serialize)]
struct Url<'a> {
    url: Cow<'a, str>,
}

#[derive(Serialize)]
struct File<'a> {
    filename: Cow<'a, str>,
    file_data: String,
}

/// Writes the list of messages, the system prompt first. There may be thousands, so this is written
/// out. Source: `ChatCompletionMessageParam` of the official clients.
pub(super) fn write(text: &mut Vec<u8>, settings: &BodySettings, request: &Request, repeated: &mut Repeated) {
    let (is_compatible, sent) = (settings.is_compatible, List::begin(text));
    let mut writer = Writer { is_compatible, sent, pictures: Vec::new(), repeated, copied: 0 };
    writer.system(&request.system_text());
    writer.copied = writer.repeated.begin(&mut writer.sent, &request.messages).messages;
    history::write(&request.messages[writer.copied..], &[], &mut writer);
    writer.sent.end();
}

struct Writer<'a, 't, 'r> {
    is_compatible: bool,
    sent: List<'t>,
    /// What results hold besides words: only a user may say that.
    pictures: Vec<Part<'a>>,
    repeated: &'r mut Repeated,
    /// How many messages were copied from the body before.
    copied: usize,
}

impl<'a> WriteHistory<'a> for Writer<'a, '_, '_> {
    fn instruct(&mut self, message: &'a Message) {
        self.system(&message.text());
    }

    fn assistant(&mut self, message: &'a Message) {
        self.show_pictures(Vec::new());
        let mut said = Reply::default();
        message.content().iter().for_each(|block| said.take_in(block, self.is_compatible));
        said.write(&mut self.sent);
    }

    fn result(&mut self, call: &'a str, content: &'a Content, is_error: bool) {
        let id = sent_id(call, LONGEST_ID);
        if let Some(words) = only_words(content, is_error) {
            return self.tool(&id, words);
        }
        let (words, others): (Vec<Part<'a>>, Vec<Part<'a>>) =
            content::of_result(content).into_iter().partition(|part| matches!(part, Part::Text(_)));
        let has_more = !others.is_empty();
        if has_more {
            self.pictures.push(Part::Text(format!("[what the call {id} has given besides words:]").into()));
            self.pictures.extend(others);
        }
        self.tool(&id, &result_words(words, is_error, has_more));
    }

    fn user(&mut self, blocks: Vec<&'a Block>) {
        let mut parts = Vec::new();
        blocks.into_iter().for_each(|block| content::add(block, &mut parts));
        self.show_pictures(parts);
    }

    fn mark(&mut self, messages: usize) {
        self.repeated.mark(&self.sent, self.copied + messages, 0);
    }
}

impl<'a> Writer<'a, '_, '_> {
    fn system(&mut self, words: &str) {
        if !words.trim().is_empty() {
            let text = self.sent.item();
            text.extend_from_slice(br#"{"role":"system","content":"#);
            value(text, words);
            text.push(b'}');
        }
    }

    fn tool(&mut self, id: &str, words: &str) {
        let text = self.sent.item();
        text.extend_from_slice(br#"{"role":"tool","tool_call_id":"#);
        word(text, id);
        text.extend_from_slice(br#","content":"#);
        value(text, words);
        text.push(b'}');
    }

    /// What results held, and then what the user says.
    fn show_pictures(&mut self, said: Vec<Part<'a>>) {
        let mut parts = std::mem::take(&mut self.pictures);
        parts.extend(said);
        let content = match <[Part<'a>; 1]>::try_from(parts) {
            Ok([Part::Text(text)]) => Words::Text(text),
            Ok([part]) => Words::Parts(vec![sent(part)]),
            Err(parts) if parts.is_empty() => return,
            Err(parts) => Words::Parts(parts.into_iter().map(sent).collect()),
        };
        let text = self.sent.item();
        text.extend_from_slice(br#"{"role":"user","content":"#);
        value(text, &content);
        text.push(b'}');
    }
}

fn sent(part: Part<'_>) -> SentPart<'_> {
    match part {
        Part::Text(text) => SentPart::Text { text },
        Part::Image(url) => SentPart::ImageUrl { image_url: Url { url } },
        Part::File { name, data } => SentPart::File { file: File { filename: name, file_data: data } },
        Part::FileUrl(url) => SentPart::Text { text: format!("[a document at {url}]").into() },
    }
}

/// What a model said, as far as it is sent.
#[derive(Default)]
struct Reply<'a> {
    texts: Vec<&'a str>,
    /// Something else stands behind the last of them.
    is_apart: bool,
    thinking: Vec<(&'a str, &'a str)>,
    others: Others,
    /// The calls, each with its other fields.
    calls: Vec<(&'a ToolCall, Others)>,
}

impl<'a> Reply<'a> {
    /// Thinking goes back to servers that wrote it; OpenAI's own refuses a field it does not know.
    /// What only Claude can read, or what ran at its server, is not sent: what it led to stands in
    /// the text.
    fn take_in(&mut self, block: &'a Block, is_compatible: bool) {
        match block.kind() {
            BlockKind::Text(text) if text.is_empty() => {}
            BlockKind::Text(text) => {
                if std::mem::take(&mut self.is_apart) && !self.texts.is_empty() {
                    self.texts.push("\n\n");
                }
                self.texts.push(text);
                return;
            }
            BlockKind::ToolUse(call) => self.calls.push((call, Others::new())),
            BlockKind::Thinking { thinking, signature } if is_compatible => {
                self.thinking
                    .extend(openai_blocks::field_of(signature).map(|field| (field, thinking.as_str())));
            }
            BlockKind::Other(_) if is_compatible => match (Kept::of(block), self.calls.last_mut()) {
                (Some(Kept::Call(fields)), Some((_, others))) => *others = fields,
                (Some(Kept::Message(mut fields)), _) => self.others.extend(fields.remove_entry(BACK)),
                _ => {}
            },
            _ => {}
        }
        self.is_apart = true;
    }

    /// Writes it, unless nothing is left.
    fn write(self, sent: &mut List<'_>) {
        let content = joined(self.texts);
        if content.is_none() && self.calls.is_empty() {
            return;
        }
        let text = sent.item();
        text.extend_from_slice(br#"{"role":"assistant""#);
        let mut message = Object::go_on(text);
        message.set("content", &content);
        for field in ["reasoning_content", "reasoning"] {
            let words = self.thinking.iter().filter(|(of, _)| *of == field).map(|(_, words)| *words);
            let words: String = words.collect();
            if !words.is_empty() && !self.calls.is_empty() {
                message.set(field, &words);
            }
        }
        self.others.iter().for_each(|(name, value)| message.set_json(name, value));
        if !self.calls.is_empty() {
            message.put("tool_calls", |text| list(text, &self.calls, write_call));
        }
        message.end();
    }
}

fn write_call(text: &mut Vec<u8>, (call, others): &(&ToolCall, Others)) {
    text.extend_from_slice(br#"{"id":"#);
    word(text, &sent_id(&call.id, LONGEST_ID));
    text.extend_from_slice(br#","type":"function","function":{"name":"#);
    word(text, &sent_name(&call.name));
    text.extend_from_slice(br#","arguments":"#);
    value(text, call.input.text());
    text.push(b'}');
    let mut call = Object::go_on(text);
    others.iter().for_each(|(name, value)| call.set_json(name, value));
    call.end();
}
