//! Shows replies to a person while they stream.

use std::{collections::HashMap, fmt, sync::Arc};

use crate::{Block, Delta, End, Event, EventKind, Piece, Response, safe_lines};

/// Turns the events of a run into the text to show to a person while replies stream. Give each
/// event to [`see`](Self::see), which returns what to show next. If a reply breaks off and its
/// request is made again, the text shown so far is withdrawn first, so each reply is shown once. The
/// answer of a call that ends the run ([`Outcome::Answer`](crate::Outcome::Answer)) is shown like a
/// reply.
///
/// One `LiveText` can follow several conversations; each has its own text. What agents say to each
/// other in delegated conversations is shown, too, unless you make it with
/// [`LiveText::top_level`]. On a terminal, print each change. Where shown text can be replaced, use [`LiveText::text`] after each change, or the
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
    /// Events of delegated conversations are passed over.
    is_top_level: bool,
    /// By the ids of the conversations.
    replies: HashMap<Arc<str>, Reply>,
}

/// A change to the text that is shown for a conversation. Its [`Display`](fmt::Display) form is
/// what to print on a terminal, made safe with [`safe_lines`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextChange {
    /// This text is added to what is shown. The text begins with a blank line if a new block or
    /// reply begins that does not continue the previous one.
    Words(String),
    /// The text shown of the last reply no longer counts.
    Withdrawn {
        /// The text that was shown, without the blank line before it.
        text: String,
        /// The reason.
        why: String,
        /// Whether the request is made again, so that a new text follows.
        again: bool,
    },
}

/// The last reply of a conversation, as it is shown so far.
#[derive(Debug, Default)]
struct Reply {
    text: String,
    /// The next text begins with a blank line.
    apart: bool,
    /// The reply is complete. The next text is another reply.
    is_over: bool,
    /// The reply has calls.
    has_calls: bool,
}

impl LiveText {
    /// Makes a `LiveText` that shows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a `LiveText` that shows only what is said to the user: [`see`](Self::see) ignores the
    /// events of delegated conversations, whose [`depth`](Event::depth) is more than 0.
    pub fn top_level() -> Self {
        Self { is_top_level: true, ..Self::default() }
    }

    /// Returns the changes that an event of a run causes, in order; often none. When a conversation
    /// has ended, its text is forgotten.
    pub fn see(&mut self, event: &Event) -> Vec<TextChange> {
        if self.is_top_level && event.depth > 0 {
            return Vec::new();
        }
        let id = &event.conversation;
        match &event.kind {
            EventKind::Delta(delta) => self.push(id, delta),
            EventKind::TurnStarted { .. } => {
                self.reply(id).begin();
                Vec::new()
            }
            // The transfer failed, so the reply of the new agent is not in the record.
            EventKind::TurnFailed { error: why, .. } | EventKind::TransferFailed { why, .. } => {
                self.reply(id).withdraw(why, false)
            }
            EventKind::TurnEnded { calls, .. } => {
                self.reply(id).has_calls = *calls > 0;
                Vec::new()
            }
            // The run goes on with calls of an earlier reply.
            EventKind::CallStarted { .. } if !self.replies.contains_key(id) => {
                self.reply(id).has_calls = true;
                Vec::new()
            }
            EventKind::Ended(end) => self.end(id, end),
            _ => Vec::new(),
        }
    }

    /// If the run has ended after calls and without another reply, the answer is that of a call. It
    /// has not been shown yet.
    fn end(&mut self, conversation: &str, end: &End) -> Vec<TextChange> {
        match (self.replies.remove(conversation), end) {
            (Some(mut reply), End::Answered(answer)) if reply.has_calls => {
                reply.begin();
                reply.add(answer)
            }
            _ => Vec::new(),
        }
    }

    /// Like [`see`](Self::see), for programs that read a model backend without a run: returns the
    /// changes that a piece of a reply causes in the conversation with this id.
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

    /// The text of the last reply so far in the conversation with this id. Empty if there is none.
    pub fn text(&self, conversation: &str) -> &str {
        self.replies.get(conversation).map_or("", |reply| &reply.text)
    }

    fn reply(&mut self, conversation: &str) -> &mut Reply {
        // Allocates the id once per conversation, not once per piece.
        if !self.replies.contains_key(conversation) {
            self.replies.insert(conversation.into(), Reply::default());
        }
        self.replies.get_mut(conversation).expect("it was put there")
    }
}

impl Reply {
    /// Another reply begins.
    fn begin(&mut self) {
        self.apart |= !self.text.is_empty();
        self.text.clear();
        (self.is_over, self.has_calls) = (false, false);
    }

    /// Text blocks in a row are one text, because the API cuts texts at citations. After a block of
    /// another kind, a blank line comes first.
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
        // On a terminal, the withdrawal is on its own line.
        self.apart = false;
        vec![TextChange::Withdrawn { text: std::mem::take(&mut self.text), why: why.to_owned(), again }]
    }

    /// A whole reply replaces all pieces before it.
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
