//! The messages of a request of chat completions.

use std::borrow::Cow;

use agent_core::{Block, Content, Message, Request, message::BlockKind};
use serde::Serialize;

use crate::openai::{
    content::{self, Part},
    history::{self, WriteHistory},
    names::{sent_id, sent_name},
    openai_blocks::{self, Kept, Others},
    settings::BodySettings,
    words::{joined, result_words},
};

/// How many characters the id of a call may have. OpenAI takes 64 now, and took 40 for long, as
/// some servers that speak like it still do.
const LONGEST_ID: usize = 40;

/// The field of a message that OpenRouter wants back as it came.
const BACK: &str = "reasoning_details";

/// A message, as it is written. Source: `ChatCompletionMessageParam` of the official clients.
#[derive(Debug, Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub(super) enum Sent<'a> {
    System {
        content: Cow<'a, str>,
    },
    User {
        content: Words<'a>,
    },
    Assistant {
        content: Option<Cow<'a, str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reasoning_content: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reasoning: Option<String>,
        #[serde(flatten)]
        others: Others,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<Call<'a>>,
    },
    Tool {
        tool_call_id: Cow<'a, str>,
        content: Cow<'a, str>,
    },
}

/// What a user says: one text as such, which all servers take, and anything else in parts.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Words<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<SentPart<'a>>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum SentPart<'a> {
    Text { text: Cow<'a, str> },
    ImageUrl { image_url: Url<'a> },
    File { file: File<'a> },
}

#[derive(Debug, Serialize)]
pub(super) struct Url<'a> {
    url: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
pub(super) struct File<'a> {
    filename: Cow<'a, str>,
    file_data: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Call<'a> {
    id: Cow<'a, str>,
    r#type: &'static str,
    function: Function<'a>,
    #[serde(flatten)]
    others: Others,
}

#[derive(Debug, Serialize)]
struct Function<'a> {
    name: Cow<'a, str>,
    arguments: &'a str,
}

/// The messages, the system prompt first.
pub(super) fn messages<'a>(settings: &BodySettings, request: &'a Request) -> Vec<Sent<'a>> {
    let mut writer = Writer { is_compatible: settings.is_compatible, sent: Vec::new(), pictures: Vec::new() };
    writer.system(request.system_text());
    history::write(&request.messages, &[], &mut writer);
    writer.sent
}

struct Writer<'a> {
    is_compatible: bool,
    sent: Vec<Sent<'a>>,
    /// What results hold besides words: only a user may say that.
    pictures: Vec<Part<'a>>,
}

impl<'a> WriteHistory<'a> for Writer<'a> {
    fn instruct(&mut self, message: &'a Message) {
        self.system(message.text());
    }

    fn assistant(&mut self, message: &'a Message) {
        self.show_pictures(Vec::new());
        let mut said = Reply::default();
        message.content().iter().for_each(|block| said.take_in(block, self.is_compatible));
        self.sent.extend(said.sent());
    }

    fn result(&mut self, call: &'a str, content: &'a Content, is_error: bool) {
        let id = sent_id(call, LONGEST_ID);
        let (words, others): (Vec<Part<'a>>, Vec<Part<'a>>) =
            content::of_result(content).into_iter().partition(|part| matches!(part, Part::Text(_)));
        let has_more = !others.is_empty();
        if has_more {
            self.pictures.push(Part::Text(format!("[what the call {id} has given besides words:]").into()));
            self.pictures.extend(others);
        }
        let content = result_words(words, is_error, has_more);
        self.sent.push(Sent::Tool { tool_call_id: id, content });
    }

    fn user(&mut self, blocks: Vec<&'a Block>) {
        let mut parts = Vec::new();
        blocks.into_iter().for_each(|block| content::add(block, &mut parts));
        self.show_pictures(parts);
    }
}

impl<'a> Writer<'a> {
    fn system(&mut self, text: String) {
        if !text.trim().is_empty() {
            self.sent.push(Sent::System { content: text.into() });
        }
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
        self.sent.push(Sent::User { content });
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
    calls: Vec<Call<'a>>,
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
            BlockKind::ToolUse(call) => self.calls.push(Call {
                id: sent_id(&call.id, LONGEST_ID),
                r#type: "function",
                function: Function { name: sent_name(&call.name), arguments: call.input.text() },
                others: Others::new(),
            }),
            BlockKind::Thinking { thinking, signature } if is_compatible => {
                self.thinking
                    .extend(openai_blocks::field_of(signature).map(|field| (field, thinking.as_str())));
            }
            BlockKind::Other(_) if is_compatible => match (Kept::of(block), self.calls.last_mut()) {
                (Some(Kept::Call(fields)), Some(call)) => call.others = fields,
                (Some(Kept::Message(mut fields)), _) => self.others.extend(fields.remove_entry(BACK)),
                _ => {}
            },
            _ => {}
        }
        self.is_apart = true;
    }

    /// `None` if nothing is left.
    fn sent(self) -> Option<Sent<'a>> {
        let content = joined(self.texts);
        if content.is_none() && self.calls.is_empty() {
            return None;
        }
        let thinking = |field: &str| {
            let words = self.thinking.iter().filter(|(of, _)| *of == field).map(|(_, words)| *words);
            Some(words.collect::<String>()).filter(|words| !words.is_empty() && !self.calls.is_empty())
        };
        let (reasoning_content, reasoning) = (thinking("reasoning_content"), thinking("reasoning"));
        Some(Sent::Assistant {
            content,
            reasoning_content,
            reasoning,
            others: self.others,
            tool_calls: self.calls,
        })
    }
}
