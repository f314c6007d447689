//! Replies as a person reads them while they stream.

use std::{collections::HashMap, fmt, sync::Arc};

use crate::{Block, Delta, Event, EventKind, Piece, Response, safe_lines};

/// Shows replies to a person while they stream: it is fed with a run's events and says what to show
/// next. A reply that breaks off and is asked again is shown once: what stands there of it is
/// withdrawn first.
///
/// One can follow any number of conversations at once; each has its own text. On a terminal, print
/// each change. Where text can be replaced, look at [`LiveText::text`] after each change, or at the
/// change itself.
///
/// ```
/// use agent_core::{Delta, event::LiveText};
///
/// let mut live = LiveText::new();
/// let mut screen = String::new();
/// for delta in [
///     Delta::words(0, "Two to "),
///     Delta::Restarted { reason: "the connection broke".to_owned() },
///     Delta::words(0, "Two to the power of ten."),
/// ] {
///     live.push("run", &delta).iter().for_each(|change| screen += &change.to_string());
/// }
/// let again = "[withdrawn: the connection broke; the reply starts again]";
/// assert_eq!(screen, format!("Two to \n{again}\nTwo to the power of ten."));
/// assert_eq!(live.text("run"), "Two to the power of ten.");
/// ```
#[derive(Debug, Default)]
pub struct LiveText {
    /// By the conversations' ids.
    replies: HashMap<Arc<str>, Reply>,
}

/// What changes in what a person reads of a conversation. As text ([`Display`](fmt::Display)) it is
/// what to print on a terminal, by [`safe_lines`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextChange {
    /// These words come behind what is shown. They begin with a blank line where a block or a reply
    /// begins that does not go on from the one before.
    Words(String),
    /// What was shown of the last reply does not count.
    Withdrawn {
        /// The words that were shown, without the blank line before them.
        text: String,
        /// Why.
        why: String,
        /// Whether the same request is asked again, so that other words follow.
        again: bool,
    },
}

/// The last reply of a conversation, as far as it is shown.
#[derive(Debug, Default)]
struct Reply {
    text: String,
    /// The next words go on from nothing that is shown.
    apart: bool,
    /// All of it has come: what comes next is another reply.
    is_over: bool,
}

impl LiveText {
    /// Nothing is shown yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What an event of a run changes, in this order; as a rule nothing or one thing. The words of
    /// a conversation are forgotten when it has ended.
    pub fn see(&mut self, event: &Event) -> Vec<TextChange> {
        let id = &event.conversation;
        match &event.kind {
            EventKind::Delta(delta) => self.push(id, delta),
            EventKind::TurnStarted => {
                self.reply(id).begin();
                Vec::new()
            }
            // The agent that was to take over did not: its reply is not in the record.
            EventKind::TurnFailed { error: why, .. } | EventKind::TransferFailed { why, .. } => {
                self.reply(id).withdraw(why, false)
            }
            EventKind::Ended(_) => {
                self.replies.remove(id);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// The same for a piece of a reply in the conversation of this id: for programs that read a
    /// backend without a run.
    pub fn push(&mut self, conversation: &str, delta: &Delta) -> Vec<TextChange> {
        let reply = self.reply(conversation);
        let brings = matches!(
            delta,
            Delta::Start { .. } | Delta::Block { .. } | Delta::Piece { .. } | Delta::Complete(_)
        );
        if brings && reply.is_over {
            reply.begin();
        }
        match delta {
            Delta::Block { block, .. } => reply.add_block(block),
            Delta::Piece { piece: Piece::Text(text), .. } => reply.add(text),
            Delta::Complete(response) => reply.replace(response),
            Delta::Stop { .. } => {
                reply.is_over = true;
                Vec::new()
            }
            Delta::Restarted { reason } => reply.withdraw(reason, true),
            _ => Vec::new(),
        }
    }

    /// What is to be read of the last reply of this conversation, as far as it has come.
    pub fn text(&self, conversation: &str) -> &str {
        self.replies.get(conversation).map_or("", |reply| &reply.text)
    }

    fn reply(&mut self, conversation: &str) -> &mut Reply {
        // An id is made once for each conversation, not for each piece.
        if !self.replies.contains_key(conversation) {
            self.replies.insert(conversation.into(), Reply::default());
        }
        self.replies.get_mut(conversation).expect("it was put there")
    }
}

impl Reply {
    /// Another one begins.
    fn begin(&mut self) {
        self.apart |= !self.text.is_empty();
        self.text.clear();
        self.is_over = false;
    }

    /// Texts that follow each other are one: the API cuts them at citations. What comes after a
    /// block of another kind stands apart.
    fn add_block(&mut self, block: &Block) -> Vec<TextChange> {
        match block.as_text() {
            Some(text) => self.add(text),
            None => {
                self.apart |= !self.text.is_empty();
                Vec::new()
            }
        }
    }

    fn add(&mut self, text: &str) -> Vec<TextChange> {
        if text.is_empty() {
            return Vec::new();
        }
        let between = if std::mem::take(&mut self.apart) { "\n\n" } else { "" };
        if !self.text.is_empty() {
            self.text.push_str(between);
        }
        self.text.push_str(text);
        vec![TextChange::Words([between, text].concat())]
    }

    fn withdraw(&mut self, why: &str, again: bool) -> Vec<TextChange> {
        self.is_over = false;
        if self.text.is_empty() {
            return Vec::new();
        }
        // On a terminal a line of its own says so.
        self.apart = false;
        vec![TextChange::Withdrawn { text: std::mem::take(&mut self.text), why: why.to_owned(), again }]
    }

    /// A whole reply stands for all pieces before it.
    fn replace(&mut self, whole: &Response) -> Vec<TextChange> {
        let mut changes = self.withdraw("it came as a whole", true);
        let words: String = whole.content.iter().flat_map(|block| self.add_block(block)).map(words).collect();
        self.is_over = true;
        changes.extend((!words.is_empty()).then_some(TextChange::Words(words)));
        changes
    }
}

fn words(change: TextChange) -> String {
    match change {
        TextChange::Words(words) => words,
        TextChange::Withdrawn { .. } => String::new(),
    }
}

impl fmt::Display for TextChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(words) => f.write_str(&safe_lines(words)),
            Self::Withdrawn { why, again, .. } => {
                let then = if *again { "; the reply starts again" } else { "" };
                writeln!(f, "\n[withdrawn: {}{then}]", safe_lines(why))
            }
        }
    }
}
