//! The virtual object of a conversation.

use agent_core::{Conversation, End, Usage, conversation::PendingApproval};
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
    accounts::ACCOUNTS,
    allowance::Allowance,
    answer::Answer,
    budgets::Budgets,
    children::{CHILDREN, Children},
    clock::now,
    decision::Decision,
    first_decision::DECISION,
    kept_events::EVENTS,
    kept_turns::{Copied, SessionCopy, goes_beyond},
    merge::{check_id, is_earlier_state, merge},
    names::{EXISTS, NOT_WAITING, RUNNING, SESSION},
    payload::check,
    people::is_paused,
    process::SharedProcess,
    state::{self, Writer},
    step::session_step,
    waits::{WAITING, Wait},
};

/// The status of the error for a model that did not reply.
const NO_ANSWER: u16 = 502;

pub(crate) struct Session(pub(crate) SharedProcess);

/// The input of `say`: what the user says, and to which agent if the session is new.
#[derive(Debug, Deserialize)]
struct SayRequest {
    #[serde(default)]
    agent: Option<String>,
    text: String,
}

/// The output of `say`.
#[derive(Debug, Serialize)]
struct SayResponse {
    text: String,
    end: End,
    usage: Usage,
}

#[object(name = "AgentSession")]
impl Session {
    /// Runs a conversation until it is the user's turn. If the session has a newer state of it,
    /// continues from that.
    #[handler]
    async fn run(
        &self,
        ctx: ObjectContext<'_>,
        Json(given): Json<Conversation>,
    ) -> HandlerResult<Json<RunResult>> {
        let known = state::read(&ctx).await?;
        check_id(ctx.key(), known.as_ref().is_some_and(|(known, _)| is_earlier_state(known, &given)))?;
        let (mut conversation, writer) = match known {
            None => {
                let writer = Writer::default();
                writer.pass_turn(&given);
                (given.with_id(ctx.key()), writer)
            }
            Some((known, writer)) => {
                let merged = merge(known.clone(), given)?;
                if goes_beyond(&known, &merged) {
                    writer.keep_turn(&ctx, &known)?;
                    writer.pass_turn(&merged);
                }
                (merged, writer)
            }
        };
        let allowance = Allowance::of_run(&self.0.limits);
        let budgets = Budgets::of_session(&self.0, &conversation);
        let end = self.drive(&ctx, &allowance, budgets, writer, &mut conversation).await;
        let end = end.map_err(TerminalError::from)?;
        let ran = RunResult { conversation, end };
        check("the conversation", &ran)?;
        Ok(Json(ran))
    }

    /// Adds a message of the user and runs the conversation until it is the user's turn again.
    #[handler]
    async fn say(
        &self,
        ctx: ObjectContext<'_>,
        Json(said): Json<SayRequest>,
    ) -> HandlerResult<Json<SayResponse>> {
        let known = state::read(&ctx).await?;
        check_id(ctx.key(), known.is_some())?;
        let (mut conversation, writer) = match (known, said.agent) {
            (Some((known, writer)), _) => {
                writer.keep_turn(&ctx, &known)?;
                (known, writer)
            }
            (None, Some(agent)) => (Conversation::new(agent).with_id(ctx.key()), Writer::default()),
            (None, None) => {
                let why = format!("the session {:?} is new: name the \"agent\" to talk to", ctx.key());
                return Err(TerminalError::new_with_code(400, why).into());
            }
        };
        conversation.say(said.text);
        let allowance = Allowance::of_run(&self.0.limits);
        let budgets = Budgets::of_session(&self.0, &conversation);
        let end = self.drive(&ctx, &allowance, budgets, writer, &mut conversation).await;
        let end = end.map_err(TerminalError::from)?;
        let end = end.map_err(|failure| TerminalError::new_with_code(NO_ANSWER, failure.to_string()))?;
        let (text, usage) = (end.text().to_owned(), conversation.usage());
        Ok(Json(SayResponse { text, end, usage }))
    }

    /// Takes back the last exchange. Returns nothing if there is none.
    #[handler]
    async fn take_back(&self, ctx: ObjectContext<'_>) -> HandlerResult<Json<Option<Conversation>>> {
        let Some((mut conversation, mut writer)) = state::read(&ctx).await? else { return Ok(Json(None)) };
        let before = conversation.clone();
        if conversation.take_back().is_err() {
            return Ok(Json(None));
        }
        writer.keep_turn(&ctx, &before)?;
        // Conversations that a stopped run had delegated are over.
        Children::load(&ctx, |_| true).await?;
        ctx.clear(CHILDREN);
        writer.load(&ctx).await?;
        writer.write(&ctx, &conversation)?;
        writer.end(&ctx, &conversation);
        Ok(Json(Some(conversation)))
    }

    /// Runs a delegated conversation, and returns the result for the call that delegated it. If the
    /// agent is not in the team of this process, or the run is cancelled, the call gets an error
    /// result that says what was done so far.
    #[handler(ingress_private = true)]
    async fn delegated(
        &self,
        ctx: ObjectContext<'_>,
        Json(given): Json<Conversation>,
    ) -> HandlerResult<Json<Answer>> {
        let allowance = Allowance::of_delegated(&ctx, &self.0.limits)?;
        // This session has a state if the run that delegated it was stopped.
        let known = state::read(&ctx).await?.filter(|(known, _)| is_earlier_state(&given, known));
        let (mut conversation, writer) = known.unwrap_or((given, Writer::default()));
        let budgets = Budgets::of_delegated(&ctx, &self.0, &conversation)?;
        let end = match self.drive(&ctx, &allowance, budgets, writer, &mut conversation).await {
            Ok(end) => end,
            Err(stopped) => {
                let end = stopped.of_delegated()?;
                // Conversations that it had delegated are not needed any more.
                Children::load(&ctx, |_| true).await?;
                end
            }
        };
        ctx.clear_all();
        let done = conversation.done(&end).expect("a conversation that waits for a person has not ended");
        Ok(Json(Answer::new(done, allowance.unused())))
    }

    /// Returns the conversation in its latest state.
    #[handler]
    async fn history(&self, ctx: SharedObjectContext<'_>) -> HandlerResult<Json<Option<Conversation>>> {
        Ok(Json(state::read_shared(&ctx).await?.map(|(conversation, _)| conversation)))
    }

    /// Returns the ids of the conversations that were delegated from this one and may run now.
    #[handler(lazy_state)]
    async fn children(&self, ctx: SharedObjectContext<'_>) -> HandlerResult<Json<Vec<String>>> {
        Ok(Json(ctx.get::<Json<Vec<String>>>(CHILDREN).await?.map(|Json(all)| all).unwrap_or_default()))
    }

    /// Returns the calls that wait for a person, including those in delegated conversations.
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

    /// Whether nothing is left to do in this conversation but to wait for a person, or in one that was
    /// delegated from it.
    #[handler(lazy_state)]
    async fn paused(&self, ctx: SharedObjectContext<'_>) -> HandlerResult<Json<bool>> {
        Ok(Json(is_paused(&ctx).await?))
    }

    /// Decides about a waiting call, by its key.
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
        let target = RequestTarget::object(DECISION, wait.ok_or_else(not_waiting)?.awakeable, "decide");
        let decided = ctx.request::<_, ()>(target, Json(decision.verdict.clone())).call().await;
        Ok(decided.map_err(|error| if error.code() == NOT_WAITING { not_waiting() } else { error })?)
    }

    /// Stops the run of this conversation, with all its calls and delegations. Returns false if
    /// none is in progress.
    #[handler(lazy_state)]
    async fn cancel(&self, ctx: SharedObjectContext<'_>) -> HandlerResult<Json<bool>> {
        let running = ctx.get::<String>(RUNNING).await?;
        if let Some(invocation) = &running {
            ctx.invocation_handle(invocation.clone()).cancel();
        }
        Ok(Json(running.is_some()))
    }

    /// Whether there is such a session.
    #[handler(lazy_state)]
    async fn exists(&self, ctx: SharedObjectContext<'_>) -> HandlerResult<Json<bool>> {
        Ok(Json(state::exists(&ctx).await?))
    }

    /// Returns the session as it was after so many turns, or in its latest state.
    #[handler]
    async fn copied(
        &self,
        ctx: SharedObjectContext<'_>,
        Json(turns): Json<Option<usize>>,
    ) -> HandlerResult<Json<Option<Copied>>> {
        Ok(Json(state::copied(&ctx, turns).await?))
    }

    /// Begins a session with the content of another one, without running it.
    #[handler]
    async fn copy(&self, ctx: ObjectContext<'_>, Json(given): Json<SessionCopy>) -> HandlerResult<Json<()>> {
        check_id(ctx.key(), false)?;
        if state::read(&ctx).await?.is_some() {
            return Err(
                TerminalError::new_with_code(EXISTS, format!("there is a session {:?}", ctx.key())).into()
            );
        }
        let (conversation, mut writer) = (given.conversation.with_id(ctx.key()), Writer::default());
        writer.copy_turns(&ctx, given.turns);
        let began = session_step(&ctx, "begin", async { now() }).await?;
        writer.begin(&ctx, began).await?;
        writer.write(&ctx, &conversation)?;
        writer.end(&ctx, &conversation);
        Ok(Json(()))
    }

    /// Deletes the conversation.
    #[handler(lazy_state)]
    async fn forget(&self, ctx: ObjectContext<'_>) -> HandlerResult<()> {
        Children::load(&ctx, |_| true).await?;
        if !ctx.key().contains('/') {
            drop(ctx.request::<(), ()>(RequestTarget::object(EVENTS, ctx.key(), "forget"), ()).send());
        }
        if self.0.has_budgets() {
            // There are accounts if a run was killed.
            let accounts = RequestTarget::object(ACCOUNTS, ctx.key(), "forget");
            drop(ctx.request::<(), ()>(accounts, ()).send());
        }
        ctx.clear_all();
        Ok(())
    }
}

fn is_within(conversation: &str, session: &str) -> bool {
    conversation.strip_prefix(session).is_some_and(|path| path.starts_with('/'))
}

async fn waits(ctx: &SharedObjectContext<'_>) -> Result<Vec<Wait>, TerminalError> {
    Ok(ctx.get::<Json<Vec<Wait>>>(WAITING).await?.map(|Json(waits)| waits).unwrap_or_default())
}
