//! Hosts, which carry out what the agent loop decides: [`LocalHost`] for runs in this process, and
//! what you need for your own host.

pub(crate) mod background;
pub(crate) mod cancel;
pub(crate) mod decisions;
pub(crate) mod delegation_guard;
pub(crate) mod host_run;
pub(crate) mod in_parallel;
pub(crate) mod local;
pub(crate) mod many;
mod request;
pub(crate) mod run;
pub(crate) mod run_error;
pub(crate) mod wrapper;

pub use cancel::Cancel;
pub use decisions::Decisions;
pub use delegation_guard::DelegationGuard;
pub use host_run::HostRun;
pub use in_parallel::{Perform, in_parallel};
pub use local::{EarlyReply, LocalHost, Measured, Mode, PaidReply, Payer, Settle, TimeLimit};
pub use many::{Finished, Many, Progress};
pub use run::Run;
pub use run_error::RunError;
pub use wrapper::{HostError, HostWrapper};

use std::future::Future;

use crate::{Conversation, End, Failure, Response, Rules, ToolTurn, Turn};

/// Carries out the turns of conversations: it sends requests to models and makes tool calls. This
/// crate has a host that does so in this process ([`LocalHost`]). Others save what happened on a
/// journal (agent-journal) or use many machines (agent-restate). The loop [`drive`] is the same for
/// all hosts.
///
/// To change only the model requests or the tool calls of runs in this process, implement
/// [`HostWrapper`] instead.
pub trait Host {
    /// The error that ends a run: the host's own, or a model's if no agent can go on.
    type Error: From<Failure>;
    /// The rules that its conversations follow.
    type Rules: Rules;

    /// The rules that its conversations follow.
    fn rules(&self) -> &Self::Rules;

    /// Asks the model of the agent that speaks next. The inner error is the model's: it is recorded
    /// as data, and another agent may go on. The outer error is the host's own, and ends the run.
    fn ask(
        &self,
        so_far: &Conversation,
    ) -> impl Future<Output = Result<Result<Response, Failure>, Self::Error>>;

    /// Does all work of a turn, and records each outcome in `turn` as it comes. Most hosts call
    /// [`in_parallel`] here.
    fn act(&self, turn: ToolTurn<'_>) -> impl Future<Output = Result<(), Self::Error>>;
}

/// The agent loop: asks the conversation whose turn it is and has the host carry the turn out,
/// until it is the user's turn. Returns how the run ended.
pub async fn drive<H: Host>(conversation: &mut Conversation, host: &H) -> Result<End, H::Error> {
    loop {
        match conversation.turn(host.rules()) {
            Turn::Model(turn) => {
                let response = host.ask(&turn).await?;
                turn.answer(response)?;
            }
            Turn::Tools(turn) => host.act(turn).await?,
            Turn::User(end) => return Ok(end),
        }
    }
}
