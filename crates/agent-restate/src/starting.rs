//! Starts work, or takes the result that is there.

use agent_core::conversation::Work;
use restate_sdk::errors::TerminalError;

use crate::{
    engine::Engine,
    running_work::{RunningWork, Scope},
    tools::Refused,
};

impl<'ctx> Engine<'_, 'ctx> {
    /// Starts this work, unless it is a call that was made while its reply streamed. See
    /// [`RunningWork::start`].
    pub(crate) async fn start(
        &self,
        running: &mut RunningWork<'ctx>,
        scope: Scope<'_, 'ctx>,
        work: Work,
        limit: usize,
        refused: Option<Refused>,
    ) -> Result<(), TerminalError> {
        let done = match &work {
            Work::Call(call) if !call.approved => self.early.take(&call.call.id),
            _ => None,
        };
        match (work, done, &refused) {
            (Work::Call(call), Some(done), None) => {
                running.add_made(scope, call, done);
                Ok(())
            }
            (work, ..) => running.start(scope, work, limit, refused).await,
        }
    }
}
