//! Checks a reply in parts, so that it still streams.

use std::collections::{BTreeSet, VecDeque};

use agent_core::{Block, BoxStream, Delta, model};
use futures::{StreamExt, stream};

use super::{
    Piece,
    output_check::{Checked, OutputCheck, notice},
};
use crate::{GuardRefusal, Output};

/// How the text of a reply is divided, if it is shown while the reply still streams.
///
/// A text is checked as soon as it has [`size`](Self::new) characters, up to the last end of a
/// sentence or line in it. Then it is shown. The guard also gets the end of what is shown already
/// ([`Output::before`]), because what it looks for may begin there.
///
/// If a guard refuses a later part, what was shown is withdrawn
/// ([`Delta::Restarted`](agent_core::Delta::Restarted)). But somebody may have read it. Calls are
/// held back until the whole reply is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    size: usize,
    overlap: usize,
}

impl Windows {
    /// Divides text into parts of about this many characters, with an overlap of a quarter.
    pub fn new(size: usize) -> Self {
        Self { size: size.max(1), overlap: size / 4 }
    }

    /// Sets how many characters of the text before it a guard sees with each part.
    pub fn overlap(self, overlap: usize) -> Self {
        Self { overlap, ..self }
    }

    /// Where the part ends that is to be checked now; `None` if the text is still too short.
    fn end_of_part(&self, text: &str) -> Option<usize> {
        text.char_indices().nth(self.size - 1)?;
        let mut sentence = None;
        let mut word = None;
        let mut last = ' ';
        for (place, letter) in text.char_indices() {
            let end = place + letter.len_utf8();
            if letter.is_whitespace() {
                word = Some(end);
                if letter == '\n' || ['.', '!', '?', '。'].contains(&last) {
                    sentence = word;
                }
            }
            last = letter;
        }
        Some(sentence.or(word).unwrap_or(text.len()))
    }

    /// The last characters of what is shown.
    fn tail(&self, text: &str) -> String {
        let from = text.chars().count().saturating_sub(self.overlap);
        text.chars().skip(from).collect()
    }
}

/// A reply whose text is checked part by part.
pub(super) struct Windowed<'a> {
    guards: &'a OutputCheck,
    windows: Windows,
    /// With the end of what is shown.
    about: Output,
    /// `None` when it is over.
    reply: Option<BoxStream<'a, Piece>>,
    /// What is handed on next.
    ready: VecDeque<Piece>,
    /// The text that is not checked yet, and its block.
    unread: String,
    index: usize,
    /// From the first call on: everything, until the reply is whole.
    held: Vec<Delta>,
    has_begun: bool,
}

impl<'a> Windowed<'a> {
    pub(super) fn stream(
        guards: &'a OutputCheck,
        windows: Windows,
        about: Output,
        reply: BoxStream<'a, Piece>,
    ) -> BoxStream<'a, Piece> {
        let (ready, unread, held) = (VecDeque::new(), String::new(), Vec::new());
        let reply = Some(reply);
        let windowed =
            Self { guards, windows, about, reply, ready, unread, index: 0, held, has_begun: false };
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
        match delta {
            Delta::Complete(reply) => {
                let pieces = self.guards.check_reply(&self.about, *reply).await;
                self.ready.extend(pieces.into_iter().map(Ok));
            }
            Delta::Restarted { .. } => {
                self.unread.clear();
                self.held.clear();
                self.about.before.clear();
                self.ready.push_back(Ok(delta));
            }
            Delta::Notice(_) => self.ready.push_back(Ok(delta)),
            delta if !self.held.is_empty() => self.held.push(delta),
            // The text may change, which the server then does not know.
            Delta::Start { model, usage, extra, .. } => {
                self.ready.push_back(Ok(Delta::Start { id: None, model, usage, extra }));
            }
            Delta::Piece { index, piece: model::Piece::Text(text) } => self.add(index, &text).await,
            Delta::Block { index, block } => self.begin(index, block).await,
            delta => {
                self.check_rest().await;
                self.hand_on(delta);
            }
        }
    }

    async fn begin(&mut self, index: usize, block: Block) {
        self.check_rest().await;
        match block.as_text() {
            Some(text) => {
                let empty = block.with("text", serde_json::json!("")).expect("it is still a text block");
                self.hand_on(Delta::Block { index, block: empty });
                self.add(index, text).await;
            }
            None if block.as_tool_use().is_some() => self.held.push(Delta::Block { index, block }),
            None => self.hand_on(Delta::Block { index, block }),
        }
    }

    async fn add(&mut self, index: usize, text: &str) {
        if index != self.index {
            self.check_rest().await;
            self.index = index;
        }
        self.unread.push_str(text);
        while let Some(end) = self.windows.end_of_part(&self.unread) {
            let rest = self.unread.split_off(end);
            let part = std::mem::replace(&mut self.unread, rest);
            self.check(part).await;
        }
    }

    /// Checks what is left of a block.
    async fn check_rest(&mut self) {
        let part = std::mem::take(&mut self.unread);
        if !part.is_empty() {
            self.check(part).await;
        }
    }

    async fn check(&mut self, part: String) {
        if self.reply.is_none() {
            return;
        }
        let about = self.about.clone();
        let text = match self.guards.check(Output { text: part.clone(), ..about }).await {
            Checked::Allowed => part,
            Checked::Replaced(text, by) => {
                self.ready.extend(by.iter().map(|guard| Ok(notice(guard))));
                text
            }
            Checked::Refused(refusal) => return self.refuse(refusal),
        };
        self.about.before = self.windows.tail(&(std::mem::take(&mut self.about.before) + &text));
        self.hand_on(Delta::words(self.index, text));
    }

    /// Hands a piece on, unless the reply is refused.
    fn hand_on(&mut self, delta: Delta) {
        if self.reply.is_some() {
            self.ready.push_back(Ok(delta));
        }
    }

    fn refuse(&mut self, refusal: GuardRefusal) {
        if self.reply.take().is_none() {
            return;
        }
        self.ready.clear();
        self.held.clear();
        self.unread.clear();
        if self.has_begun {
            let reason = format!("refused by the guard {:?}", refusal.guard);
            self.ready.push_back(Ok(Delta::Restarted { reason }));
        }
        // The tokens so far are in the pieces that were handed on.
        self.ready.push_back(Ok(Delta::complete(refusal.into_reply(Default::default()))));
    }

    /// Checks and hands on what was held.
    async fn end(&mut self) {
        self.check_rest().await;
        let held = std::mem::take(&mut self.held);
        let text: String = held.iter().filter_map(text_of).collect();
        let mut replaced = None;
        if !text.trim().is_empty() {
            match self.guards.check(Output { text, ..self.about.clone() }).await {
                Checked::Allowed => {}
                Checked::Replaced(text, by) => {
                    self.ready.extend(by.iter().map(|guard| Ok(notice(guard))));
                    replaced = Some(text);
                }
                Checked::Refused(refusal) => return self.refuse(refusal),
            }
        }
        match replaced {
            None => held.into_iter().for_each(|delta| self.hand_on(delta)),
            Some(text) => with_text(held, text).into_iter().for_each(|delta| self.hand_on(delta)),
        }
        self.reply = None;
    }
}

/// The text that a piece adds.
fn text_of(delta: &Delta) -> Option<&str> {
    match delta {
        Delta::Block { block, .. } => block.as_text(),
        Delta::Piece { piece: model::Piece::Text(text), .. } => Some(text),
        _ => None,
    }
}

/// The pieces with this text in the place of their first text block, and without other text blocks.
fn with_text(pieces: Vec<Delta>, text: String) -> Vec<Delta> {
    let index_of_text = |delta: &Delta| match delta {
        Delta::Block { index, .. } | Delta::Piece { index, .. } => text_of(delta).map(|_| *index),
        _ => None,
    };
    let texts: BTreeSet<usize> = pieces.iter().filter_map(index_of_text).collect();
    let is_text = |index: &usize| texts.contains(index);
    let mut new = Some(text);
    let replaced = |delta: Delta| match delta {
        Delta::Block { index, .. } | Delta::Piece { index, .. } if is_text(&index) => {
            Some(Delta::Block { index, block: Block::text(new.take()?) })
        }
        Delta::BlockEnd { index } if is_text(&index) => None,
        delta => Some(delta),
    };
    pieces.into_iter().filter_map(replaced).collect()
}
