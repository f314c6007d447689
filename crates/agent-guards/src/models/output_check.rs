//! Lets the guards of output check a text or a reply.

use std::{sync::Arc, time::Duration};

use agent_core::{Block, Delta, Response, model::Notice};

use crate::{
    GuardRefusal, Output, OutputGuard, OutputVerdict,
    check::{Named, checked},
    refusal::Refused,
};

/// The guards of output.
#[derive(Clone)]
pub(crate) struct OutputCheck {
    pub(crate) guards: Vec<Named<dyn OutputGuard>>,
    pub(crate) limit: Option<Duration>,
}

/// What becomes of a text.
pub(crate) enum Checked {
    Allowed,
    /// The text that replaces it, and who replaced it.
    Replaced(String, Vec<Arc<str>>),
    Refused(GuardRefusal),
    /// The model is to be asked again. It is a refusal if that can't be.
    Retry(GuardRefusal),
}

impl OutputCheck {
    /// Each guard checks what the guards before it have made of the text.
    pub(crate) async fn check(&self, mut output: Output) -> Checked {
        let mut by = Vec::new();
        for Named { name, guard } in &self.guards {
            let refusal = |words| GuardRefusal::new(name, Refused::Output, words);
            match checked(name, self.limit, async { guard.check(output.clone()).await }).await {
                Ok(OutputVerdict::Allow) => {}
                Ok(OutputVerdict::Replace(text)) => {
                    output.text = text;
                    by.push(name.clone());
                }
                Ok(OutputVerdict::Retry(words)) => return Checked::Retry(refusal(words)),
                Ok(OutputVerdict::Refuse(words)) | Err(words) => return Checked::Refused(refusal(words)),
            }
        }
        match by.is_empty() {
            true => Checked::Allowed,
            false => Checked::Replaced(output.text, by),
        }
    }

    /// Checks a whole reply. Returns the pieces to hand on. The `Err` says that the model is to be
    /// asked again.
    pub(super) async fn check_reply(
        &self,
        about: &Output,
        reply: Response,
    ) -> Result<Vec<Delta>, (Response, GuardRefusal)> {
        let text = text_of(&reply);
        if text.trim().is_empty() {
            return Ok(vec![Delta::complete(reply)]);
        }
        match self.check(Output { text, ..about.clone() }).await {
            Checked::Allowed => Ok(vec![Delta::complete(reply)]),
            Checked::Replaced(text, by) => {
                let notices = by.iter().map(|guard| notice(guard));
                Ok(notices.chain([Delta::complete(with_text(reply, text))]).collect())
            }
            Checked::Refused(refusal) => Ok(vec![Delta::complete(refusal.into_reply(reply.usage))]),
            Checked::Retry(refusal) => Err((reply, refusal)),
        }
    }
}

/// The text of a reply.
pub(super) fn text_of(reply: &Response) -> String {
    reply.content.iter().filter_map(Block::as_text).collect()
}

/// The reply with this text. The server's id of the reply goes, because the server does not know the
/// new text.
fn with_text(mut reply: Response, text: String) -> Response {
    reply.content = blocks_with_text(&reply.content, text);
    reply.id = None;
    reply
}

/// The blocks with this text in the place of the first text block, and without the other text
/// blocks. Citations of the old text go with it.
pub(crate) fn blocks_with_text(blocks: &[Block], text: String) -> Vec<Block> {
    let mut text = (!text.trim().is_empty()).then(|| Block::text(text));
    let replaced = |block: &Block| match block.as_text() {
        Some(_) => text.take(),
        None => Some(block.clone()),
    };
    blocks.iter().filter_map(replaced).collect()
}

/// What a listener is told of a replaced text.
pub(super) fn notice(guard: &str) -> Delta {
    Delta::Notice(Notice::Guard { guard: guard.to_owned(), did: "replaced the reply's text".to_owned() })
}
