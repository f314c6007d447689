//! Hosts, which run the loop: runs in this process, and what you need for your own host.

pub(crate) mod cancel;
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
pub use delegation_guard::DelegationGuard;
pub use host_run::HostRun;
pub use in_parallel::{Perform, in_parallel};
pub use local::{LocalHost, Mode, TimeLimit};
pub use many::{Finished, Many, Progress};
pub use run::Run;
pub use run_error::RunError;
pub use wrapper::{HostError, HostWrapper};

use std::future::Future;

use crate::{Conversation, End, Failure, Response, Rules, ToolTurn, Turn};

/// Carries out the turns of conversations: in this process ([`LocalHost`]), with a journal, or on
/// an engine over many machines. The loop [`drive`] is the same for all hosts.
///
/// To change only the model requests or the tool calls of runs in this process, implement
/// [`HostWrapper`] instead.
pub trait Host {
    /// The error that ends a run: of the host itself, or of a model if the run can't go on.
    type Error: From<Failure>;
    /// The rules that its conversations follow.
    type Rules: Rules;

    /// The rules that its conversations follow.
    fn rules(&self) -> &Self::Rules;

    /// Asks the model of the agent that speaks next. The inner error is the model's: it is data,
    /// and the conversation may go on from it. The outer error is the host's own, and ends the run.
    fn ask(
        &self,
        so_far: &Conversation,
    ) -> impl Future<Output = Result<Result<Response, Failure>, Self::Error>>;

    /// Does all work of a turn, and records each result as it comes. [`in_parallel`] does this for
    /// most hosts.
    fn act(&self, turn: ToolTurn<'_>) -> impl Future<Output = Result<(), Self::Error>>;
}

/// Runs the loop: it asks the conversation whose turn it is and has the host carry the turn out,
/// until it is the user's turn.
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
