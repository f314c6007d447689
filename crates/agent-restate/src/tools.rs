//! The service that makes tool calls.

use std::time::Duration;

use agent_core::{
    Outcome, ToolSpec,
    agent::Rules,
    budget::BudgetExceeded,
    conversation::Call,
    host::{Host, Perform},
    tool::{Done, Receipt},
};
use restate_sdk::{
    context::Context,
    errors::{HandlerResult, TerminalError},
    serde::Json,
    service,
};
use serde::{Deserialize, Serialize};

use crate::{
    call_limits::NeededPermit,
    payload::{json_bytes, too_large},
    process::SharedProcess,
    run_traces::TRACE,
    step::call_step,
    stopped::UNKNOWN_AGENT,
};

/// The name of the service.
pub(crate) const TOOLS: &str = "AgentTools";

/// A call, and the most bytes that its result may have.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ToolCallRequest {
    pub(crate) call: Call,
    pub(crate) limit: usize,
    /// The limit of the run on calls, if it was reached before this call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<u32>,
    /// The budget that does not allow this call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) over_budget: Option<BudgetExceeded>,
    /// The permits that it needs, in the order in which it takes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) permits: Vec<NeededPermit>,
}

/// Why a call is not made.
#[derive(Clone, Debug)]
pub(crate) enum Refused {
    /// The run has made as many calls as it may.
    ByLimit(u32),
    ByBudget(BudgetExceeded),
}

impl ToolCallRequest {
    pub(crate) fn new(call: Call, limit: usize, refused: Option<Refused>) -> Self {
        let (refused, over_budget) = match refused {
            None => (None, None),
            Some(Refused::ByLimit(most)) => (Some(most), None),
            Some(Refused::ByBudget(exceeded)) => (None, Some(exceeded)),
        };
        Self { call, limit, refused, over_budget, permits: Vec::new() }
    }

    pub(crate) fn is_refused(&self) -> bool {
        self.refused.is_some() || self.over_budget.is_some()
    }

    /// The result of the call, if it is refused.
    fn refused(&self) -> Option<Outcome> {
        let of_limit = self.refused.map(Outcome::beyond_calls);
        of_limit.or_else(|| self.over_budget.as_ref().map(Outcome::beyond_budget))
    }
}

pub(crate) struct Tools(pub(crate) SharedProcess);

#[service(name = "AgentTools", ingress_private = true)]
impl Tools {
    /// Makes one tool call.
    #[handler]
    async fn call(
        &self,
        ctx: Context<'_>,
        Json(request): Json<ToolCallRequest>,
    ) -> HandlerResult<Json<Done>> {
        let (name, agent) = (request.call.call.name.clone(), &request.call.agent);
        if self.0.local.rules().agent(agent).is_none() {
            let why = format!("agent {agent:?} is not in the team of the process that was to call {name:?}");
            return Err(TerminalError::new_with_code(UNKNOWN_AGENT, why).into());
        }
        let trace = ctx.headers().get(TRACE).map(String::as_str);
        let _works = self.0.traces.call(&request.call.conversation, trace);
        // A different number for each process that executes this.
        let attempt = fastrand::u64(..);
        let first_attempt = match request.is_refused() || may_repeat(&self.0, &request.call) {
            true => attempt,
            false => call_step(&ctx, &format!("begin {name}"), async move { attempt }).await?,
        };
        let made = make_call(self.0.clone(), request, first_attempt == attempt);
        Ok(Json(call_step(&ctx, &format!("call {name}"), made).await?))
    }
}

/// Whether the call may be made again if its result is not known.
fn may_repeat(process: &SharedProcess, call: &Call) -> bool {
    let spec = process.local.rules().spec(&call.agent, &call.call.name);
    spec.is_none_or(|spec: &ToolSpec| spec.may_be_repeated(call.approved))
}

/// Makes the call in this process. It is not made if the limit of the run is reached, or if it may
/// have been made already and must not be repeated.
async fn make_call(process: SharedProcess, request: ToolCallRequest, is_first: bool) -> Done {
    let not_made = match request.refused() {
        Some(refused) => Some(refused),
        None if is_first => None,
        None => Outcome::of_unknown(&request.call, &*process.unknown),
    };
    let ToolCallRequest { call, limit, .. } = request;
    if let Some(outcome) = not_made {
        process.tell_outcome(call, &outcome).await;
        return outcome.into();
    }
    let receipt = Receipt::default();
    let made = tokio::time::timeout(process.step_timeout, process.local.call(call.clone(), receipt.clone()));
    let done = match made.await {
        Ok(Ok(())) => receipt.done_or_error(),
        Ok(Err(error)) => Outcome::error(error.to_string()).into(),
        Err(_) => {
            // It may have used tokens, which are in the receipt.
            receipt.fill(too_slow(process.step_timeout));
            receipt.done_or_error()
        }
    };
    process.tell_outcome(call, &done.outcome).await;
    match json_bytes(&done) {
        bytes if bytes > limit => {
            let outcome = Outcome::error(too_large("the result of the tool", bytes, limit));
            Done { outcome, usage: done.usage }
        }
        _ => done,
    }
}

fn too_slow(step_timeout: Duration) -> Outcome {
    Outcome::error(format!("it took longer than {step_timeout:?}"))
}
