//! The virtual object of a conversation.

use agent_core::{
    Conversation, End, Usage,
    conversation::{Failure, PendingApproval},
};
use restate_sdk::{
    context::{
        ContextClient, ContextReadState, ContextWriteState, ObjectContext, RequestTarget, SharedObjectContext,
    },
    errors::{HandlerResult, TerminalError},
    object,
    serde::Json,
};
use serde::{Deserialize, Serialize};

use crate::{
    RunResult,
    allowance::Allowance,
    answer::Answer,
    children::{CHILDREN, Children},
    decided::DECIDED,
    decision::Decision,
    engine::Engine,
    joined::{check_id, goes_on, joined},
    names::{NOT_WAITING, SESSION},
    payload::check,
    process::Shared,
    state::{self, Writer},
    stopped::Stopped,
    waits::{WAITING, Wait, Waits},
};

/// The key of the state that says which invocation drives the conversation.
const RUNNING: &str = "running";

/// The status of an error that says that a model did not answer.
const NO_ANSWER: u16 = 502;

pub(crate) struct Session(pub(crate) Shared);

/// What a user says, and to which agent if it is the first word.
#[derive(Debug, Deserialize)]
struct Said {
    #[serde(default)]
    agent: Option<String>,
    text: String,
}

/// What comes of it.
#[derive(Debug, Serialize)]
struct Says {
    text: String,
    end: End,
    usage: Usage,
}

#[object(name = "AgentSession")]
impl Session {
    /// Drives a conversation until it is the user's turn. If the session has come further with it, it goes on from there.
    #[handler]
    async fn run(
        &self,
        ctx: ObjectContext<'_>,
        Json(given): Json<Conversation>,
    ) -> HandlerResult<Json<RunResult>> {
        let known = state::read(&ctx).await?;
        check_id(ctx.key(), known.as_ref().is_some_and(|(known, _)| goes_on(known, &given)))?;
        let (mut conversation, writer) = match known {
            None => (given.with_id(ctx.key()), Writer::default()),
            Some((known, writer)) => (joined(known, given)?, writer),
        };
        let allowance = Allowance::of_run(&self.0.limits);
        let end =
            self.drive(&ctx, &allowance, writer, &mut conversation).await.map_err(TerminalError::from)?;
        let ran = RunResult { conversation, end };
        check("the conversation", &ran)?;
        Ok(Json(ran))
    }

    /// Says something and drives the conversation until it is the user's turn again.
    #[handler]
    async fn say(&self, ctx: ObjectContext<'_>, Json(said): Json<Said>) -> HandlerResult<Json<Says>> {
        let known = state::read(&ctx).await?;
        check_id(ctx.key(), known.is_some())?;
        let (mut conversation, writer) = match (known, said.agent) {
            (Some(known), _) => known,
            (None, Some(agent)) => (Conversation::new(agent).with_id(ctx.key()), Writer::default()),
            (None, None) => {
                let why = format!("{:?} is new: say to which \"agent\" it goes", ctx.key());
                return Err(TerminalError::new_with_code(400, why).into());
            }
        };
        conversation.say(said.text);
        let allowance = Allowance::of_run(&self.0.limits);
        let end =
            self.drive(&ctx, &allowance, writer, &mut conversation).await.map_err(TerminalError::from)?;
        let end = end.map_err(|failure| TerminalError::new_with_code(NO_ANSWER, failure.to_string()))?;
        let (text, usage) = (end.text().to_owned(), conversation.usage());
        Ok(Json(Says { text, end, usage }))
    }

    /// Takes back the last exchange. Nothing if there is none.
    #[handler]
    async fn take_back(&self, ctx: ObjectContext<'_>) -> HandlerResult<Json<Option<Conversation>>> {
        let Some((mut conversation, writer)) = state::read(&ctx).await? else { return Ok(Json(None)) };
        if conversation.take_back().is_err() {
            return Ok(Json(None));
        }
        // What a run that was stopped had delegated is over.
        Children::of(&ctx, |_| true).await?;
        ctx.clear(CHILDREN);
        writer.write(&ctx, &conversation)?;
        Ok(Json(Some(conversation)))
    }

    /// Drives a delegated conversation, and says what its end means for the call that led to it. If its agent is not in the
    /// team of this process, or it is cancelled, that is the call's error result, which says what was done so far.
    #[handler(ingress_private = true)]
    async fn delegated(
        &self,
        ctx: ObjectContext<'_>,
        Json(given): Json<Conversation>,
    ) -> HandlerResult<Json<Answer>> {
        let allowance = Allowance::of_delegated(&ctx, &self.0.limits)?;
        // It is there if the run that delegated it was stopped.
        let known = state::read(&ctx).await?.filter(|(known, _)| goes_on(&given, known));
        let (mut conversation, writer) = known.unwrap_or((given, Writer::default()));
        let end = match self.drive(&ctx, &allowance, writer, &mut conversation).await {
            Ok(end) => end,
            Err(stopped) => {
                let end = stopped.of_delegated()?;
                // What it delegated itself, perhaps in another process, comes to nothing.
                Children::of(&ctx, |_| true).await?;
                end
            }
        };
        ctx.clear_all();
        let done = conversation.done(&end).expect("where it waits for a person, this waits");
        Ok(Json(Answer::new(done, allowance.rest())))
    }

    /// The conversation, as far as it has come.
    #[handler]
    async fn history(&self, ctx: SharedObjectContext<'_>) -> HandlerResult<Json<Option<Conversation>>> {
        Ok(Json(state::read_shared(&ctx).await?.map(|(conversation, _)| conversation)))
    }

    /// The calls that wait for a person, also of conversations delegated from this one.
    #[handler(lazy_state)]
    async fn waiting(&self, ctx: SharedObjectContext<'_>) -> HandlerResult<Json<Vec<PendingApproval>>> {
        let mut waiting: Vec<PendingApproval> =
            waits(&ctx).await?.into_iter().map(|wait| wait.waiting).collect();
        let children = ctx.get::<Json<Vec<String>>>(CHILDREN).await?;
        for child in children.map(|Json(children)| children).unwrap_or_default() {
            let target = RequestTarget::object(SESSION, child, "waiting");
            let Json(more) = ctx.request::<(), Json<Vec<PendingApproval>>>(target, ()).call().await?;
            waiting.extend(more);
        }
        Ok(Json(waiting))
    }

    /// Decides about a call that waits, by its key.
    #[handler(lazy_state)]
    async fn decide(
        &self,
        ctx: SharedObjectContext<'_>,
        Json(decision): Json<Decision>,
    ) -> HandlerResult<()> {
        let not_waiting =
            || TerminalError::new_with_code(NOT_WAITING, format!("no call {:?} waits", decision.key));
        let (conversation, _) = decision.key.rsplit_once('/').ok_or_else(not_waiting)?;
        if conversation != ctx.key() {
            if !is_within(conversation, ctx.key()) {
                return Err(not_waiting().into());
            }
            let target = RequestTarget::object(SESSION, conversation, "decide");
            return Ok(ctx.request::<_, ()>(target, Json(decision)).call().await?);
        }
        let wait = waits(&ctx).await?.into_iter().find(|wait| wait.waiting.key == decision.key);
        let target = RequestTarget::object(DECIDED, wait.ok_or_else(not_waiting)?.awakeable, "decide");
        let decided = ctx.request::<_, ()>(target, Json(decision.verdict.clone())).call().await;
        Ok(decided.map_err(|error| if error.code() == NOT_WAITING { not_waiting() } else { error })?)
    }

    /// Stops the run that drives the conversation, with all its calls and delegations; false if nothing does.
    #[handler(lazy_state)]
    async fn cancel(&self, ctx: SharedObjectContext<'_>) -> HandlerResult<Json<bool>> {
        let running = ctx.get::<String>(RUNNING).await?;
        if let Some(invocation) = &running {
            ctx.invocation_handle(invocation.clone()).cancel();
        }
        Ok(Json(running.is_some()))
    }

    /// Forgets the conversation.
    #[handler(lazy_state)]
    async fn forget(&self, ctx: ObjectContext<'_>) -> HandlerResult<()> {
        Children::of(&ctx, |_| true).await?;
        ctx.clear_all();
        Ok(())
    }
}

impl Session {
    /// Drives the conversation until it is the user's turn and nothing in it waits. The inner error is a model's, and another
    /// run goes on from there.
    async fn drive(
        &self,
        ctx: &ObjectContext<'_>,
        allowance: &Allowance,
        writer: Writer,
        conversation: &mut Conversation,
    ) -> Result<Result<End, Failure>, Stopped> {
        let children = Children::of(ctx, |child| conversation.within(child).is_none()).await?;
        ctx.set(RUNNING, ctx.invocation_id().to_owned());
        let engine = Engine { ctx, process: &self.0, allowance, writer, children };
        let end = self.turns(&engine, conversation).await;
        allowance.end(ctx);
        ctx.clear(RUNNING);
        ctx.clear(WAITING);
        let end = match end {
            Ok(end) => Ok(end),
            Err(Stopped::Model(failure)) => Err(failure),
            // What it delegated may not be over.
            Err(stopped) => return Err(stopped),
        };
        ctx.clear(CHILDREN);
        Ok(end)
    }

    async fn turns(&self, engine: &Engine<'_, '_>, conversation: &mut Conversation) -> Result<End, Stopped> {
        let ctx = engine.ctx;
        let mut waits = Waits::default();
        loop {
            let end = self.0.local.drive_by(conversation, engine).await;
            engine.writer.write(ctx, conversation)?;
            match end? {
                End::Waiting(calls) => waits.decide(ctx, &self.0, &calls, conversation).await?,
                end => return Ok(end),
            }
        }
    }
}

fn is_within(conversation: &str, session: &str) -> bool {
    conversation.strip_prefix(session).is_some_and(|path| path.starts_with('/'))
}

async fn waits(ctx: &SharedObjectContext<'_>) -> Result<Vec<Wait>, TerminalError> {
    Ok(ctx.get::<Json<Vec<Wait>>>(WAITING).await?.map(|Json(waits)| waits).unwrap_or_default())
}
