//! The host that runs a conversation on the engine.

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
    amount::Resource,
    ask_model::ask_model,
    children::Children,
    process::SharedProcess,
    running_work::{FinishedWork, RunningWork},
    state::Writer,
    stopped::{CANCELLED, Stopped, UNKNOWN_AGENT},
};

/// Runs the turns of one conversation. Models are asked in this handler. Calls and delegations are
/// invocations of their own, all of one turn in parallel.
pub(crate) struct Engine<'a, 'ctx> {
    pub(crate) ctx: &'a ObjectContext<'ctx>,
    pub(crate) process: &'a SharedProcess,
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
        // The reply is stored in a message, and its calls are stored again while they run. So only
        // a third of the room is left for it.
        let limit = self.writer.write(self.ctx, so_far)? / 3;
        let reply = ask_model(self.ctx, self.process, so_far, limit).await?.map_err(TerminalError::new)?;
        if reply.as_ref().is_err_and(|failure| failure.error.kind == LlmErrorKind::NotAsked) {
            self.allowance.give_back_one(Resource::Requests);
        }
        Ok(reply)
    }

    async fn act(&self, turn: ToolTurn<'_>) -> Result<(), Stopped> {
        self.rules().check_agent(turn.conversation())?;
        // Results are stored until the last call of the turn has ended, and then again in the
        // message.
        let room = self.writer.write(self.ctx, turn.conversation())? / 2;
        Ok(self.do_in_parallel(turn, room).await?)
    }
}

impl Engine<'_, '_> {
    /// Does the work of a turn in parallel. If the run is cancelled, the work is cancelled too.
    /// Finished work is recorded first, so it is not repeated.
    async fn do_in_parallel(&self, mut turn: ToolTurn<'_>, room: usize) -> Result<(), TerminalError> {
        // The results of all calls must fit in the room that is left, in any order.
        let limit = room / count_calls(turn.conversation().messages().last()).max(1);
        let mut running = RunningWork::new(self.ctx, self.allowance);
        let mut more = turn.take_work();
        let mut stopped = Ok(());
        loop {
            if let Err(cancelled) = self.reserve_calls(&more).await {
                (stopped, more) = (Err(cancelled), Vec::new());
            }
            self.children.begin(self.ctx, more.iter().filter_map(child).collect());
            for work in more.drain(..) {
                let refused = self.exceeded_limit(&work);
                stopped = running.start(work, limit, refused).await.and(stopped);
            }
            match running.next().await {
                Ok(None) => return stopped,
                // The call stays open, for a process that can make it.
                Ok(Some(FinishedWork { done: Err(error), .. })) if error.code() == UNKNOWN_AGENT => {
                    stopped = Err(error);
                }
                Ok(Some(FinishedWork { call, child, done })) => {
                    if let (Some(child), Ok(_)) = (&child, &done) {
                        self.children.ended(child);
                    }
                    let done = done.unwrap_or_else(stopped_call);
                    more.extend(turn.record(&call, done).filter(|_| stopped.is_ok()));
                }
                Err(cancelled) => stopped = Err(cancelled),
            }
        }
    }

    /// Reserves calls for this work, as far as the limits of the run allow it.
    async fn reserve_calls(&self, work: &[Work]) -> Result<(), TerminalError> {
        let calls = work.iter().filter(|work| self.counts_as_call(work)).count();
        self.allowance.ensure(self.ctx, Resource::Calls, u32::try_from(calls).unwrap_or(u32::MAX)).await
    }

    /// Counts this work. Returns the limit of the run if it is used up.
    fn exceeded_limit(&self, work: &Work) -> Option<u32> {
        if self.counts_as_call(work) { self.allowance.use_one(Resource::Calls).err() } else { None }
    }

    /// Whether this is a call that counts against the limit of the run.
    fn counts_as_call(&self, work: &Work) -> bool {
        let Work::Call(Call { agent, call, place, .. }) = work else { return false };
        let most = self.rules().limits().calls_in_reply;
        most.is_none_or(|most| *place < most as usize) && self.rules().spec(agent, &call.name).is_some()
    }
}

/// The id of the conversation that this work delegates to.
fn child(work: &Work) -> Option<String> {
    match work {
        Work::Call(_) => None,
        Work::Delegate(delegation) => Some(delegation.conversation.id().to_owned()),
    }
}

/// The number of calls in a reply.
fn count_calls(reply: Option<&Message>) -> usize {
    let blocks = reply.map(Message::content).unwrap_or_default();
    blocks.iter().filter(|block| matches!(block.kind(), BlockKind::ToolUse(_))).count()
}

/// The result of a call whose invocation was stopped from outside.
fn stopped_call(error: TerminalError) -> Done {
    match error.code() {
        CANCELLED => Outcome::error("cancelled").into(),
        _ => Outcome::error(error.message()).into(),
    }
}
