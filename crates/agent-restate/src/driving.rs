//! Drives a conversation on the engine until it is the user's turn.

use agent_core::{Conversation, End, conversation::Failure};
use restate_sdk::{
    context::{ContextWriteState, ObjectContext},
    errors::TerminalError,
};

use tokio::sync::Mutex;

use crate::{
    allowance::Allowance,
    budgets::Budgets,
    children::{CHILDREN, Children},
    clock::now,
    early_results::EarlyResults,
    engine::Engine,
    event_sender::Drives,
    names::RUNNING,
    run_traces::TRACE,
    session::Session,
    state::Writer,
    step::session_step,
    stopped::{CANCELLED, Stopped},
    waits::{PAUSED, WAITING},
};

impl Session {
    /// Runs the conversation until it is the user's turn and no call waits. The inner error is a
    /// failure of a model, which another run can continue from.
    pub(crate) async fn drive(
        &self,
        ctx: &ObjectContext<'_>,
        allowance: &Allowance,
        budgets: Budgets,
        mut writer: Writer,
        conversation: &mut Conversation,
    ) -> Result<Result<End, Failure>, Stopped> {
        let children = Children::load(ctx, |child| conversation.within(child).is_none()).await?;
        let _drives = self.begin(ctx, &mut writer, conversation).await?;
        let _works = self.0.traces.drive(conversation.id(), writer.trace());
        ctx.set(RUNNING, ctx.invocation_id().to_owned());
        let (running, early) = (Mutex::default(), EarlyResults::default());
        let engine = Engine { ctx, process: &self.0, allowance, budgets, writer, children, early, running };
        let end = self.drive_through_waits(&engine, conversation).await;
        allowance.end(ctx);
        engine.budgets.end(ctx);
        engine.writer.end(ctx, conversation);
        ctx.clear(RUNNING);
        ctx.clear(WAITING);
        ctx.clear(PAUSED);
        let end = match end {
            Ok(end) => Ok(end),
            Err(Stopped::Model(failure)) => Err(failure),
            // Conversations that it delegated may still be running.
            Err(stopped) => return Err(stopped),
        };
        ctx.clear(CHILDREN);
        Ok(end)
    }

    /// The run of a session begins. Delegated conversations belong to the run of their session.
    async fn begin(
        &self,
        ctx: &ObjectContext<'_>,
        writer: &mut Writer,
        conversation: &Conversation,
    ) -> Result<Option<Drives>, TerminalError> {
        if conversation.depth() > 0 {
            writer.set_trace(ctx.headers().get(TRACE).cloned());
            return Ok(None);
        }
        let began = session_step(ctx, "begin", async { now() }).await?;
        writer.begin(ctx, began).await?;
        Ok(self.0.events.as_ref().map(|events| events.drives(conversation.id(), began)))
    }

    async fn drive_through_waits(
        &self,
        engine: &Engine<'_, '_>,
        conversation: &mut Conversation,
    ) -> Result<End, Stopped> {
        let ctx = engine.ctx;
        let mut ends = 0;
        engine.budgets.begin(ctx).await?;
        loop {
            let end = self.0.local.drive_quietly_by(conversation, engine).await;
            if !matches!(end, Ok(End::Waiting(_))) {
                let is_cancelled = matches!(&end, Err(Stopped::Engine(error)) if error.code() == CANCELLED);
                engine.end_detached(conversation, is_cancelled).await?;
            }
            engine.budgets.record(conversation);
            engine.writer.write(ctx, conversation)?;
            let end = end?;
            let told = self.tell_end(ctx, conversation, &end, ends).await;
            ends += 1;
            if let Ok(at) = told {
                engine.writer.changed(at);
            }
            match end {
                End::Waiting(calls) => {
                    // Cancelling is reported only once.
                    told?;
                    engine.pause(&calls, conversation).await?;
                    engine.budgets.restart_time(ctx).await?;
                }
                end => return Ok(end),
            }
        }
    }

    /// Tells listeners how the conversation has ended. Returns when, in µs since 1970. It is a
    /// step, because a replay must not tell it again.
    async fn tell_end(
        &self,
        ctx: &ObjectContext<'_>,
        conversation: &Conversation,
        end: &End,
        number: usize,
    ) -> Result<u64, TerminalError> {
        let (process, conversation, end) = (self.0.clone(), conversation.clone(), end.clone());
        let once = format!("{}/{number}", ctx.invocation_id());
        let tell = async move {
            process.local.tell_end(&conversation, &end);
            if let Some(events) = &process.events {
                events.keep_end(conversation.id(), once);
                events.flush(conversation.id()).await;
            }
            now()
        };
        session_step(ctx, "tell the end", tell).await
    }
}
