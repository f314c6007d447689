//! The host of a conversation on the engine.

use agent_core::{
    Conversation, Message, Outcome, Response, Team,
    agent::Rules,
    conversation::{Call, Failure, ToolTurn, Work},
    host::Host,
    message::BlockKind,
    model::LlmErrorKind,
    tool::Done,
};
use restate_sdk::{context::ObjectContext, errors::TerminalError};

use crate::{
    allowance::Allowance,
    amount::What,
    asked::asked,
    children::Children,
    pieces::{Ended, Pieces},
    process::Shared,
    state::Writer,
    stopped::{CANCELLED, Stopped, UNKNOWN_AGENT},
};

/// Carries out the turns of one conversation: a model is asked in this handler, calls and delegations are invocations of
/// their own, all of a turn at once.
pub(crate) struct Engine<'a, 'ctx> {
    pub(crate) ctx: &'a ObjectContext<'ctx>,
    pub(crate) process: &'a Shared,
    pub(crate) allowance: &'a Allowance,
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
        self.allowance.request(self.ctx).await?;
        // It becomes a message, its calls are under way, and these count twice.
        let limit = self.writer.write(self.ctx, so_far)? / 3;
        let reply = asked(self.ctx, self.process, so_far, limit).await?.map_err(TerminalError::new)?;
        if reply.as_ref().is_err_and(|failure| failure.error.kind == LlmErrorKind::NotAsked) {
            self.allowance.give_back_one(What::Requests);
        }
        Ok(reply)
    }

    async fn act(&self, turn: ToolTurn<'_>) -> Result<(), Stopped> {
        self.rules().check_agent(turn.conversation())?;
        // What they lead to is under way until the last of them has ended.
        let room = self.writer.write(self.ctx, turn.conversation())? / 2;
        Ok(self.all_at_once(turn, room).await?)
    }
}

impl Engine<'_, '_> {
    /// Does the work of a turn. When the run is cancelled, so is what is under way, and that is recorded before this ends:
    /// what had ended is not done again.
    async fn all_at_once(&self, mut turn: ToolTurn<'_>, room: usize) -> Result<(), TerminalError> {
        // All results together fit beside what is kept already, whatever order they come in.
        let limit = room / calls(turn.conversation().messages().last()).max(1);
        let mut pieces = Pieces::new(self.ctx, self.allowance);
        let mut more = turn.take_work();
        let mut stopped = Ok(());
        loop {
            if let Err(cancelled) = self.allow(&more).await {
                (stopped, more) = (Err(cancelled), Vec::new());
            }
            self.children.begin(self.ctx, more.iter().filter_map(child).collect());
            for work in more.drain(..) {
                let refused = self.refused(&work);
                stopped = pieces.begin(work, limit, refused).await.and(stopped);
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

    /// Sees to it that this work may be done, as far as the run's limits allow it.
    async fn allow(&self, work: &[Work]) -> Result<(), TerminalError> {
        let calls = work.iter().filter(|work| self.counts(work)).count();
        self.allowance.have(self.ctx, What::Calls, u32::try_from(calls).unwrap_or(u32::MAX)).await
    }

    /// The limit that work can't be done for; it is used up by what can.
    fn refused(&self, work: &Work) -> Option<u32> {
        if self.counts(work) { self.allowance.use_one(What::Calls).err() } else { None }
    }

    /// Whether this is a call that is made if the run may make as many.
    fn counts(&self, work: &Work) -> bool {
        let Work::Call(Call { agent, call, place, .. }) = work else { return false };
        let most = self.rules().limits().calls_in_reply;
        most.is_none_or(|most| *place < most as usize) && self.rules().spec(agent, &call.name).is_some()
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
    blocks.iter().filter(|block| matches!(block.kind(), BlockKind::ToolUse(_))).count()
}

/// What becomes of a call whose invocation was stopped from outside.
fn given_up(error: TerminalError) -> Done {
    match error.code() {
        CANCELLED => Outcome::error("cancelled").into(),
        _ => Outcome::error(error.message()).into(),
    }
}
