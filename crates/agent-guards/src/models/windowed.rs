//! Checks a reply in parts, so that it still streams.

mod pieces;

use std::{collections::VecDeque, sync::Arc};

use agent_core::{Block, BoxStream, Delta, StopReason, model};
use futures::{StreamExt, stream};

use pieces::{added_text, with_text};

use super::{
    Piece, Windows,
    attempts::Attempts,
    output_check::{Checked, OutputCheck, notice, text_of},
};
use crate::{GuardRefusal, Output};

/// A reply whose text is checked part by part.
pub(super) struct Windowed<'a> {
    guards: &'a OutputCheck,
    windows: Windows,
    /// With the end of what is shown.
    about: Output,
    attempts: Attempts<'a>,
    /// `None` when it is over.
    reply: Option<BoxStream<'a, Piece>>,
    /// What is handed on next.
    ready: VecDeque<Piece>,
    /// The text that was checked.
    said: String,
    /// The text that is not checked yet, and its block.
    unread: String,
    index: usize,
    /// From the first call on: everything, until the reply is whole.
    held: Vec<Delta>,
    /// The end of the reply, if it came, for its tokens.
    stop: Option<Delta>,
    has_begun: bool,
}

/// What a reply is after a check.
#[derive(PartialEq, Eq)]
enum Is {
    /// It goes on.
    On,
    /// It was refused or withdrawn. What else came of it does not count.
    Gone,
}

impl<'a> Windowed<'a> {
    pub(super) fn stream(
        guards: &'a OutputCheck,
        windows: Windows,
        about: Output,
        mut attempts: Attempts<'a>,
    ) -> BoxStream<'a, Piece> {
        let reply = Some(attempts.ask());
        let windowed = Self {
            guards,
            windows,
            about,
            attempts,
            reply,
            ready: VecDeque::new(),
            said: String::new(),
            unread: String::new(),
            index: 0,
            held: Vec::new(),
            stop: None,
            has_begun: false,
        };
        stream::unfold(windowed, Self::next).boxed()
    }

    async fn next(mut self) -> Option<(Piece, Self)> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                self.has_begun |= !matches!(piece, Ok(Delta::Notice(_)));
                return Some((piece, self));
            }
            match self.reply.as_mut()?.next().await {
                Some(Ok(delta)) => self.take(delta).await,
                Some(Err(error)) => {
                    self.reply = None;
                    self.ready.push_back(Err(error));
                }
                None => self.end().await,
            }
        }
    }

    async fn take(&mut self, delta: Delta) {
        if let Delta::Stop { .. } = delta {
            self.stop = Some(still_open(&delta));
        }
        match delta {
            Delta::Complete(reply) => {
                match self.guards.check_reply(&self.about, Arc::unwrap_or_clone(reply)).await {
                    Ok(pieces) => self.ready.extend(pieces.into_iter().map(Ok)),
                    Err((reply, refusal)) => {
                        self.said = text_of(&reply);
                        self.withdraw(refusal);
                    }
                }
            }
            Delta::Restarted { .. } => {
                self.forget();
                self.ready.push_back(Ok(delta));
            }
            Delta::Notice(_) => self.ready.push_back(Ok(delta)),
            delta if !self.held.is_empty() => self.held.push(delta),
            // The text may change, which the server then does not know.
            Delta::Start { model, usage, extra, .. } => {
                self.ready.push_back(Ok(Delta::Start { id: None, model, usage, extra }));
            }
            Delta::Piece { index, piece: model::Piece::Text(text) } => {
                self.add(index, &text).await;
            }
            Delta::Block { index, block } => self.begin(index, block).await,
            delta if self.check_rest().await == Is::On => self.ready.push_back(Ok(delta)),
            _ => {}
        }
    }

    async fn begin(&mut self, index: usize, block: Block) {
        if self.check_rest().await == Is::Gone {
            return;
        }
        match block.as_text() {
            Some(text) => {
                let empty = block.with("text", serde_json::json!("")).expect("it is still a text block");
                self.ready.push_back(Ok(Delta::Block { index, block: empty }));
                self.add(index, text).await;
            }
            None if block.as_tool_use().is_some() => self.held.push(Delta::Block { index, block }),
            None => self.ready.push_back(Ok(Delta::Block { index, block })),
        }
    }

    async fn add(&mut self, index: usize, text: &str) -> Is {
        if index != self.index {
            if self.check_rest().await == Is::Gone {
                return Is::Gone;
            }
            self.index = index;
        }
        self.unread.push_str(text);
        while let Some(end) = self.windows.end_of_part(&self.unread) {
            let rest = self.unread.split_off(end);
            let part = std::mem::replace(&mut self.unread, rest);
            if self.check(part).await == Is::Gone {
                return Is::Gone;
            }
        }
        Is::On
    }

    /// Checks what is left of a block.
    async fn check_rest(&mut self) -> Is {
        let part = std::mem::take(&mut self.unread);
        if part.is_empty() { Is::On } else { self.check(part).await }
    }

    async fn check(&mut self, part: String) -> Is {
        let Some(text) = self.checked(part).await else { return Is::Gone };
        self.about.before = self.windows.tail(&(std::mem::take(&mut self.about.before) + &text));
        self.ready.push_back(Ok(Delta::words(self.index, text)));
        Is::On
    }

    /// The text as it is handed on; `None` if the reply is gone.
    async fn checked(&mut self, text: String) -> Option<String> {
        self.said.push_str(&text);
        match self.guards.check(Output { text: text.clone(), ..self.about.clone() }).await {
            Checked::Allowed => return Some(text),
            Checked::Replaced(text, by) => {
                self.ready.extend(by.iter().map(|guard| Ok(notice(guard))));
                return Some(text);
            }
            Checked::Refused(refusal) => self.refuse(refusal),
            Checked::Retry(refusal) => self.withdraw(refusal),
        }
        None
    }

    /// Checks and hands on what was held.
    async fn end(&mut self) {
        if self.check_rest().await == Is::Gone {
            return;
        }
        let held = std::mem::take(&mut self.held);
        let text: String = held.iter().filter_map(added_text).collect();
        let held = match text.trim().is_empty() {
            true => held,
            false => match self.checked(text.clone()).await {
                Some(same) if same == text => held,
                Some(other) => with_text(held, other),
                None => return,
            },
        };
        self.ready.extend(held.into_iter().map(Ok));
        self.reply = None;
    }

    /// Asks for another reply, or refuses this one if the tries are used up.
    fn withdraw(&mut self, refusal: GuardRefusal) {
        match self.attempts.again(&self.said, &refusal) {
            None => self.refuse(refusal),
            Some((notice, reply)) => {
                self.give_up(&refusal);
                self.ready.push_back(Ok(notice));
                self.reply = Some(reply);
            }
        }
    }

    fn refuse(&mut self, refusal: GuardRefusal) {
        self.give_up(&refusal);
        self.reply = None;
        // The tokens so far are in the pieces that were handed on.
        self.ready.push_back(Ok(Delta::complete(refusal.into_reply(Default::default()))));
    }

    /// Withdraws what was shown.
    fn give_up(&mut self, refusal: &GuardRefusal) {
        self.ready.clear();
        let stop = self.stop.take();
        if self.has_begun || stop.is_some() {
            self.ready.extend(stop.map(Ok));
            let reason = format!("refused by the guard {:?}", refusal.guard);
            self.ready.push_back(Ok(Delta::Restarted { reason }));
        }
        self.forget();
    }

    fn forget(&mut self) {
        self.held.clear();
        self.unread.clear();
        self.said.clear();
        self.about.before.clear();
        self.stop = None;
        self.index = 0;
    }
}

/// The end of a reply that does not count. Its tokens do.
fn still_open(stop: &Delta) -> Delta {
    let mut stop = stop.clone();
    if let Delta::Stop { stop_reason, .. } = &mut stop {
        *stop_reason = StopReason::open();
    }
    stop
}
