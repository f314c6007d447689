//! Who runs the loop: runs in this process, and what a host of your own needs.

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

/// Who carries the turns out: this process ([`LocalHost`]), one with a journal, an engine
/// over many machines. The loop is the same for all.
///
/// To change only the model requests or the tool calls of runs in this process, write a
/// [`HostWrapper`].
pub trait Host {
    /// What can go wrong with the host itself, or with a model when the run can't go on.
    type Error: From<Failure>;
    /// The rules its conversations follow.
    type Rules: Rules;

    /// The rules its conversations follow.
    fn rules(&self) -> &Self::Rules;

    /// Asks the model of the agent that speaks next. The inner error is the model's: data, which
    /// the conversation may go on from. The outer one is the host's own.
    fn ask(
        &self,
        so_far: &Conversation,
    ) -> impl Future<Output = Result<Result<Response, Failure>, Self::Error>>;

    /// Does all the work of a turn, and records each piece as it ends; [`in_parallel`]
    /// is how.
    fn act(&self, turn: ToolTurn<'_>) -> impl Future<Output = Result<(), Self::Error>>;
}

/// The loop: asks the conversation whose turn it is and has the turn taken, until it is the user's.
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
