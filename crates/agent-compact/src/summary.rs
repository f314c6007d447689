//! A summary of messages, written by a model.

use agent_core::{
    Block, Delta, Llm, LlmError, Message, Request, Response, Usage, message::valid_history, model::fold,
};

use crate::cut::is_of_user;
use crate::{
    as_text::{as_text, cut},
    estimate::estimate,
};

/// What the summary must have, unless the program says otherwise.
pub(crate) const PROMPT: &str = "Summarise the conversation so far. You will read your summary \
    instead of these messages, and then go on. Keep all that is needed for that: what the user wants \
    and has decided; names, numbers, paths and ids, exactly as they are; what was done, and with \
    which results; what failed; and what is still to do. Leave out what is over and done with. Write \
    only the summary.";

const SYSTEM: &str =
    "You summarise conversations between a user and an assistant. You have no tools and call none.";

const BEGINNING: &str = "[A summary of the earlier part of this conversation, which is not shown]\n";

const LAST_WORDS: &str = "\n[What the user said last in it]\n";

/// The lengths to which texts are cut, from the first with which the request is short enough.
const LENGTHS: [usize; 4] = [usize::MAX, 4_000, 1_000, 200];

/// The most bytes of the user's last words, which are in the summary as they are.
const LONGEST_WORDS: usize = 4_000;

/// The error if there is no usable summary.
pub(crate) struct Failed {
    pub(crate) why: String,
    /// What the request used all the same.
    pub(crate) usage: Usage,
}

impl From<LlmError> for Failed {
    fn from(error: LlmError) -> Self {
        Self { why: error.to_string(), usage: error.usage() }
    }
}

/// The request for a summary of the first messages of `request`. It has no tools, and none of the
/// request's other fields, which are for answers. Texts are cut until it has at most `limit`
/// tokens, as estimated.
pub(crate) fn summary_request(request: &Request, messages: usize, prompt: &str, limit: u64) -> Request {
    // A clone, so that the run's budgets pay for it.
    let mut asked = request.clone();
    (asked.tools, asked.server_tools) = ([].into(), [].into());
    (asked.previous_reply, asked.container, asked.answer_schema) = (None, None, None);
    asked.turns = 0;
    asked.system = vec![Block::text(SYSTEM)];
    asked.extra = request.extra.iter().filter(|(name, _)| *name == "model").map(owned).collect();
    for most in LENGTHS {
        let mut history = as_text(&request.messages[..messages], most);
        history.push(Message::user(prompt));
        asked.messages = valid_history(history);
        if estimate(&asked) <= limit {
            break;
        }
    }
    asked.places = vec![None; asked.messages.len()];
    asked
}

fn owned<K: Clone, V: Clone>((key, value): (&K, &V)) -> (K, V) {
    (key.clone(), value.clone())
}

/// Asks for a summary, and checks that it is complete and has words. `see` sees all pieces.
pub(crate) async fn summarize(
    llm: &dyn Llm,
    asked: Request,
    see: impl FnMut(&Delta),
) -> Result<Response, Failed> {
    let reply = fold(llm.stream(asked), see).await?;
    let failed = |why: String| Failed { why, usage: reply.usage.of_broken_off() };
    if reply.tool_calls().next().is_some() {
        return Err(failed("the model called a tool instead".to_owned()));
    }
    if !reply.stop_reason.runs_calls() {
        return Err(failed(format!("the summary ended with {}", reply.stop_reason.as_str())));
    }
    match Message::assistant(reply.content.clone()).text().trim().is_empty() {
        true => Err(failed("the summary is empty".to_owned())),
        false => Ok(reply),
    }
}

/// The text that is sent instead of the messages: the summary, and what the user said last in these
/// messages, as it was.
pub(crate) fn summary_text(reply: &Response, replaced: &[Message]) -> String {
    let summary = Message::assistant(reply.content.clone()).text();
    let mut text = format!("{BEGINNING}{}", summary.trim());
    if let Some(words) = last_words(replaced) {
        text.push_str(&format!("{LAST_WORDS}{}", cut(words.trim(), LONGEST_WORDS)));
    }
    text
}

/// What the user said last in these messages. If that is in a summary, the summary has it.
fn last_words(messages: &[Message]) -> Option<String> {
    let of_user = messages.iter().rev().filter(|message| is_of_user(message));
    of_user.into_iter().find_map(|message| {
        let texts = message.content().iter().filter_map(Block::as_text);
        let (summaries, words): (Vec<&str>, Vec<&str>) =
            texts.filter(|text| !text.trim().is_empty()).partition(|text| text.starts_with(BEGINNING));
        match words.is_empty() {
            true => Some(summaries.last()?.split_once(LAST_WORDS)?.1.to_owned()),
            false => Some(words.join("\n")),
        }
    })
}
