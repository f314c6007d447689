//! The host of a conversation on the engine.

use agent_core::{
    Conversation, Done, Failure, Host, Kind, LlmError, LlmErrorKind, Message, Outcome, Response, Team,
    ToolTurn, Work,
};
use restate_sdk::{context::ObjectContext, errors::TerminalError};

use crate::{
    children::Children,
    payload::{size, too_large},
    pieces::{Ended, Pieces},
    process::Shared,
    state::Writer,
    step::in_session,
    stopped::{CANCELLED, Stopped, UNKNOWN_AGENT},
};

/// Carries out the turns of one conversation: a model is asked in this handler, calls and delegations are invocations of
/// their own, all of a turn at once.
pub(crate) struct Engine<'a, 'ctx> {
    pub(crate) ctx: &'a ObjectContext<'ctx>,
    pub(crate) process: &'a Shared,
    pub(crate) writer: Writer,
    pub(crate) children: Children,
}

impl Host for Engine<'_, '_> {
    type Error = Stopped;
    type Rules = Team;

    fn rules(&self) -> &Team {
        self.process.local.rules()
    }

    async fn ask(&self, so_far: &Conversation) -> Result<Result<Response, Failure>, Stopped> {
        self.rules().check_agent(so_far)?;
        // It becomes a message, its calls are under way, and these count twice.
        let limit = self.writer.write(self.ctx, so_far)? / 3;
        let name = format!("ask {}", so_far.speaker());
        let reply = in_session(self.ctx, &name, ask(self.process.clone(), so_far.clone(), limit)).await?;
        Ok(reply.map_err(TerminalError::new)?)
    }

    async fn act(&self, turn: ToolTurn<'_>) -> Result<(), Stopped> {
        self.rules().check_agent(turn.conversation())?;
        // What they lead to is under way until the last of them has ended.
        let room = self.writer.write(self.ctx, turn.conversation())? / 2;
        Ok(self.all_at_once(turn, room).await?)
    }
}

/// Asks the model in this process. The outer error is not the model's: the run can't go on.
async fn ask(
    process: Shared,
    so_far: Conversation,
    limit: usize,
) -> Result<Result<Response, Failure>, String> {
    let failed = |kind, why: String| {
        Ok(Err(Failure { agent: so_far.speaker().to_owned(), error: LlmError::new(kind, why) }))
    };
    let asking = tokio::time::timeout(process.longest, process.local.ask(&so_far));
    let Ok(reply) = asking.await else {
        return failed(LlmErrorKind::Timeout, format!("it took longer than {:?}", process.longest));
    };
    let reply = reply.map_err(|error| error.to_string())?;
    let bytes = size(&reply);
    if bytes <= limit {
        return Ok(reply);
    }
    // It was paid for all the same.
    let usage =
        reply.as_ref().map_or_else(|failure| failure.error.usage(), |reply| reply.usage.of_broken_off());
    let error = LlmError::new(LlmErrorKind::Other, too_large("the reply", bytes, limit)).costing(usage);
    Ok(Err(Failure { agent: so_far.speaker().to_owned(), error }))
}

impl Engine<'_, '_> {
    /// Does the work of a turn. When the run is cancelled, so is what is under way, and that is recorded before this ends:
    /// what had ended is not done again.
    async fn all_at_once(&self, mut turn: ToolTurn<'_>, room: usize) -> Result<(), TerminalError> {
        // All results together fit beside what is kept already, whatever order they come in.
        let limit = room / calls(turn.conversation().messages().last()).max(1);
        let mut pieces = Pieces::new(self.ctx);
        let mut more = turn.take_work();
        let mut stopped = Ok(());
        loop {
            self.children.begin(self.ctx, more.iter().filter_map(child).collect());
            for work in more.drain(..) {
                stopped = pieces.begin(work, limit).await.and(stopped);
            }
            match pieces.next().await {
                Ok(None) => return stopped,
                // It stays open, for a process that can make it.
                Ok(Some(Ended { done: Err(error), .. })) if error.code() == UNKNOWN_AGENT => {
                    stopped = Err(error);
                }
                Ok(Some(Ended { call, child, done })) => {
                    if let (Some(child), Ok(_)) = (&child, &done) {
                        self.children.ended(child);
                    }
                    let done = done.unwrap_or_else(given_up);
                    more.extend(turn.record(&call, done).filter(|_| stopped.is_ok()));
                }
                Err(cancelled) => stopped = Err(cancelled),
            }
        }
    }
}

/// The id of the conversation that is delegated by this.
fn child(work: &Work) -> Option<String> {
    match work {
        Work::Call(_) => None,
        Work::Delegate(delegation) => Some(delegation.conversation.id().to_owned()),
    }
}

/// The calls of a reply.
fn calls(reply: Option<&Message>) -> usize {
    let blocks = reply.map(Message::content).unwrap_or_default();
    blocks.iter().filter(|block| matches!(block.kind(), Kind::ToolUse(_))).count()
}

/// What becomes of a call whose invocation was stopped from outside.
fn given_up(error: TerminalError) -> Done {
    match error.code() {
        CANCELLED => Outcome::error("cancelled").into(),
        _ => Outcome::error(error.message()).into(),
    }
}
