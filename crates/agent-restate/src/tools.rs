//! The service that makes tool calls.

use std::time::Duration;

use agent_core::{
    Outcome, ToolSpec,
    agent::Rules,
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
    payload::{size, too_large},
    process::Shared,
    step::in_call,
    stopped::UNKNOWN_AGENT,
};

/// The name of the service.
pub(crate) const TOOLS: &str = "AgentTools";

/// A call, and how large what it leads to may be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Piece {
    pub(crate) call: Call,
    pub(crate) limit: usize,
    /// The limit of its run on calls, if that was reached before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<u32>,
}

pub(crate) struct Tools(pub(crate) Shared);

#[service(name = "AgentTools", ingress_private = true)]
impl Tools {
    /// Makes one tool call.
    #[handler]
    async fn call(&self, ctx: Context<'_>, Json(piece): Json<Piece>) -> HandlerResult<Json<Done>> {
        let (name, agent) = (piece.call.call.name.clone(), &piece.call.agent);
        if self.0.local.rules().agent(agent).is_none() {
            let why = format!("agent {agent:?} is not in the team of the process that was to call {name:?}");
            return Err(TerminalError::new_with_code(UNKNOWN_AGENT, why).into());
        }
        // Another one each time that a process comes here.
        let attempt = fastrand::u64(..);
        let began = match piece.refused.is_some() || may_repeat(&self.0, &piece.call) {
            true => attempt,
            false => in_call(&ctx, &format!("begin {name}"), async move { attempt }).await?,
        };
        let made = make(self.0.clone(), piece, began == attempt);
        Ok(Json(in_call(&ctx, &format!("call {name}"), made).await?))
    }
}

/// Whether the call may be made again when nobody knows how it ended.
fn may_repeat(process: &Shared, call: &Call) -> bool {
    let spec = process.local.rules().spec(&call.agent, &call.call.name);
    spec.is_none_or(|spec: &ToolSpec| spec.may_be_repeated(call.approved))
}

/// Makes the call in this process, unless it is refused, or may have been made and may not be made again.
async fn make(process: Shared, piece: Piece, is_first: bool) -> Done {
    let Piece { call, limit, refused } = piece;
    let not_made = match refused {
        Some(most) => Some(Outcome::beyond_calls(most)),
        None if is_first => None,
        None => Outcome::of_unknown(&call, &*process.unknown),
    };
    if let Some(outcome) = not_made {
        process.local.tell(|| call, &outcome);
        return outcome.into();
    }
    let receipt = Receipt::default();
    let made = tokio::time::timeout(process.longest, process.local.call(call.clone(), receipt.clone()));
    let done = match made.await {
        Ok(Ok(())) => receipt.done_or_error(),
        Ok(Err(error)) => Outcome::error(error.to_string()).into(),
        Err(_) => too_slow(process.longest),
    };
    process.local.tell(|| call, &done.outcome);
    match size(&done) {
        bytes if bytes > limit => Outcome::error(too_large("what the tool said", bytes, limit)).into(),
        _ => done,
    }
}

fn too_slow(longest: Duration) -> Done {
    Outcome::error(format!("it took longer than {longest:?}")).into()
}
