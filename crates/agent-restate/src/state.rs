//! Stores a conversation in the state of its object. Each message has its own key, because messages
//! are only ever appended. Everything else has one key.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use agent_core::{Conversation, End};
use futures::future::BoxFuture;
use restate_sdk::{
    context::{ContextReadState, ContextWriteState, ObjectContext, SharedObjectContext},
    errors::TerminalError,
    serde::Json,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    kept_turns::{Copied, KeptTurns, SessionCopy, TURN, turns_of},
    keys::Keys,
    payload::{MAX_CONVERSATION_BYTES, json_bytes, room},
    summary::{SUMMARY, Summary},
};

const HEAD: &str = "conversation";
const MESSAGES: &str = "messages";

/// The keys of messages.
static MESSAGE: Keys = Keys::new("message");

/// Everything of a conversation except its messages, and how many messages there are.
#[derive(Serialize, Deserialize)]
struct Head {
    messages: usize,
    rest: Fields,
    #[serde(default, skip_serializing_if = "KeptTurns::is_none")]
    turns: KeptTurns,
}

/// JSON fields, each with its original text.
type Fields = BTreeMap<String, Box<RawValue>>;

/// Writes the parts of a conversation that are not written yet, and its summary.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    messages: AtomicUsize,
    turns: Mutex<KeptTurns>,
    /// When the session began and last changed, in µs since 1970. Nothing is kept of delegated
    /// conversations.
    times: Option<(u64, AtomicU64)>,
    /// The trace of the run. It is known from the state, from the request or from a step, because
    /// a replay must find the same.
    trace: OnceLock<String>,
}

/// Defines functions that read the conversation of an object, and return it with the writer for its
/// changes: in its latest state, or as the head with this key has it. There is one pair for each
/// type of context.
macro_rules! read {
    ($read:ident, $read_at:ident, $context:ident) => {
        pub(crate) fn $read<'a, 'ctx: 'a>(
            ctx: &'a $context<'ctx>,
        ) -> BoxFuture<'a, Result<Option<(Conversation, Writer)>, TerminalError>> {
            $read_at(ctx, HEAD)
        }

        fn $read_at<'a, 'ctx: 'a>(
            ctx: &'a $context<'ctx>,
            head: &'static str,
        ) -> BoxFuture<'a, Result<Option<(Conversation, Writer)>, TerminalError>> {
            Box::pin(async move {
                let Some(Json(head)) = ctx.get::<Json<Head>>(head).await? else { return Ok(None) };
                let mut messages = Vec::with_capacity(head.messages);
                for place in 0..head.messages {
                    let message = ctx.get::<Json<Box<RawValue>>>(MESSAGE.key(place)).await?;
                    messages.push(message.ok_or_else(|| broken("a message is missing"))?.0);
                }
                let (messages_written, turns) = (messages.len().into(), head.turns.into());
                Ok(Some((
                    head.with(&messages).map_err(broken)?,
                    Writer { messages: messages_written, turns, ..Writer::default() },
                )))
            })
        }
    };
}

read!(read, read_at, ObjectContext);
read!(read_shared, read_shared_at, SharedObjectContext);

impl Head {
    /// The head of this conversation, and the most bytes that its state may have. The engine passes
    /// the state to a handler in one piece. Work in progress is counted twice, because the waiting
    /// calls repeat it.
    fn of(conversation: &Conversation) -> serde_json::Result<(Self, usize)> {
        let text = serde_json::to_string(conversation)?;
        let mut rest: Fields = serde_json::from_str(&text)?;
        rest.remove(MESSAGES);
        let head = Self { messages: conversation.messages().len(), rest, turns: KeptTurns::default() };
        let bytes = text.len() + json_bytes(&head);
        Ok((head, bytes))
    }

    fn with(mut self, messages: &[Box<RawValue>]) -> serde_json::Result<Conversation> {
        self.rest.insert(MESSAGES.to_owned(), RawValue::from_string(serde_json::to_string(messages)?)?);
        serde_json::from_str(&serde_json::to_string(&self.rest)?)
    }
}

impl Writer {
    /// Writes new messages and the head. Returns how many bytes of room are left. Nothing is
    /// awaited: the engine keeps the order and confirms the writes with the next thing that is
    /// awaited.
    pub(crate) fn write(
        &self,
        ctx: &ObjectContext<'_>,
        conversation: &Conversation,
    ) -> Result<usize, TerminalError> {
        let (mut head, bytes) = Head::of(conversation).map_err(broken)?;
        head.turns = *self.turns();
        let room = room(MAX_CONVERSATION_BYTES, "the conversation", bytes + head.turns.bytes)?;
        let messages = conversation.messages();
        let written = self.messages.load(Ordering::Relaxed);
        for (place, message) in messages.iter().enumerate().skip(written) {
            ctx.set(MESSAGE.key(place), Json(message.clone()));
        }
        self.messages.store(messages.len(), Ordering::Relaxed);
        ctx.set(HEAD, Json(head));
        self.write_summary(ctx, conversation, None);
        Ok(room)
    }

    /// Keeps how the conversation is now, before something happens that is not part of its last
    /// turn. Does nothing if that turn is kept already. The next [`write`](Self::write) says so in
    /// the head.
    pub(crate) fn keep_turn(
        &self,
        ctx: &ObjectContext<'_>,
        conversation: &Conversation,
    ) -> Result<(), TerminalError> {
        let turn = turns_of(conversation);
        if conversation.depth() > 0 || !self.turns().may_keep(turn) {
            return Ok(());
        }
        let (head, _) = Head::of(conversation).map_err(broken)?;
        if self.turns().add(turn, json_bytes(&head)) {
            ctx.set(TURN.key(turn), Json(head));
        }
        Ok(())
    }

    /// The conversation comes from elsewhere. What was said after its last turn may be in it.
    pub(crate) fn pass_turn(&self, conversation: &Conversation) {
        let turn = turns_of(conversation);
        if turn > 0 {
            self.turns().pass(turn);
        }
    }

    /// Keeps the turns that a copied session had.
    pub(crate) fn copy_turns(&self, ctx: &ObjectContext<'_>, turns: BTreeMap<usize, Box<RawValue>>) {
        for (turn, head) in turns {
            if self.turns().add(turn, head.get().len()) {
                ctx.set(TURN.key(turn), Json(head));
            }
        }
    }

    fn turns(&self) -> MutexGuard<'_, KeptTurns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run of the session begins now.
    pub(crate) async fn begin(&mut self, ctx: &ObjectContext<'_>, now: u64) -> Result<(), TerminalError> {
        let known = ctx.get::<Json<Summary>>(SUMMARY).await?;
        self.times = Some((known.as_ref().map_or(now, |Json(known)| known.began), now.into()));
        self.set_trace(known.and_then(|Json(known)| known.trace));
        Ok(())
    }

    /// The session changes without a run.
    pub(crate) async fn load(&mut self, ctx: &ObjectContext<'_>) -> Result<(), TerminalError> {
        let known = ctx.get::<Json<Summary>>(SUMMARY).await?;
        self.times = known.map(|Json(known)| (known.began, known.changed.into()));
        Ok(())
    }

    /// The trace of the run, once it is known.
    pub(crate) fn trace(&self) -> Option<&str> {
        self.trace.get().map(String::as_str)
    }

    pub(crate) fn set_trace(&self, trace: Option<String>) {
        if let Some(trace) = trace {
            self.trace.get_or_init(|| trace);
        }
    }

    /// The session changed at this time.
    pub(crate) fn changed(&self, now: u64) {
        self.times.iter().for_each(|(_, changed)| changed.store(now, Ordering::Relaxed));
    }

    /// No run is in progress any more.
    pub(crate) fn end(&self, ctx: &ObjectContext<'_>, conversation: &Conversation) {
        self.write_summary(ctx, conversation, conversation.known_end());
    }

    fn write_summary(&self, ctx: &ObjectContext<'_>, conversation: &Conversation, end: Option<End>) {
        if let Some((began, changed)) = &self.times {
            // The next run has another trace.
            let is_over = end.as_ref().is_some_and(|end| !matches!(end, End::Waiting(_)));
            let trace = self.trace.get().filter(|_| !is_over).cloned();
            let changed = changed.load(Ordering::Relaxed);
            ctx.set(SUMMARY, Json(Summary::of(conversation, (*began, changed), end, trace)));
        }
    }
}

/// The session as it was after so many turns; `None` for all of it. `None` if there is no session.
pub(crate) async fn copied(
    ctx: &SharedObjectContext<'_>,
    turns: Option<usize>,
) -> Result<Option<Copied>, TerminalError> {
    let Some((latest, _)) = read_shared(ctx).await? else { return Ok(None) };
    let last = turns_of(&latest);
    let turn = turns.unwrap_or(last);
    let kept = match turns {
        Some(turn) if turn > last => return Ok(Some(Copied::NoSuchTurn { turns: last })),
        // The id may be that of the session of which this one is a copy.
        Some(turn) => read_shared_at(ctx, TURN.key(turn)).await?.map(|(kept, _)| kept.with_id(ctx.key())),
        None => None,
    };
    let (conversation, is_latest) = match kept {
        Some(kept) => (kept, false),
        None if turn == last => (latest, true),
        None => return Ok(Some(Copied::NotKept)),
    };
    let mut before = BTreeMap::new();
    for turn in 0..turn {
        let kept = ctx.get::<Json<Box<RawValue>>>(TURN.key(turn)).await?;
        before.extend(kept.map(|Json(kept)| (turn, kept)));
    }
    Ok(Some(Copied::Copy(Box::new(SessionCopy { conversation, is_latest, turns: before }))))
}

/// Whether the object has a conversation.
pub(crate) async fn exists(ctx: &SharedObjectContext<'_>) -> Result<bool, TerminalError> {
    Ok(ctx.get::<Json<Head>>(HEAD).await?.is_some())
}

fn broken(why: impl ToString) -> TerminalError {
    TerminalError::new(format!("the state of the session is not a conversation: {}", why.to_string()))
}

#[cfg(test)]
mod tests {
    use agent_core::{Block, Conversation, Response, StopReason, conversation::Change};
    use serde_json::value::RawValue;

    use super::Head;

    #[test]
    fn a_conversation_comes_back_as_the_same_text() {
        let mut conversation = Conversation::start("clerk", "Pay.").with_id("c");
        let input =
            RawValue::from_string(r#"{"z":123456789012345678901234567890,"a":1.0}"#.to_owned()).unwrap();
        let call = Block::tool_use("1", "pay", input);
        conversation.apply("c", Change::Answered(Response::new(vec![call], StopReason::ToolUse))).unwrap();
        let head = serde_json::to_string(&Head::of(&conversation).unwrap().0).unwrap();
        assert!(!head.contains("Pay."), "{head}");
        let messages = conversation
            .messages()
            .iter()
            .map(|message| RawValue::from_string(serde_json::to_string(message).unwrap()).unwrap());
        let head: Head = serde_json::from_str(&head).unwrap();
        let back = head.with(&messages.collect::<Vec<_>>()).unwrap();
        let text = |conversation: &Conversation| serde_json::to_string(conversation).unwrap();
        assert_eq!(text(&back), text(&conversation));
    }
}
