//! For hosts around this one that save a reply together with the calls that were made while it
//! streamed.

use std::{collections::HashSet, pin::pin, sync::Arc, time::Duration};

use futures::future::join_all;

use super::{
    LocalHost,
    early::MayStart,
    running_call::{RunningCall, is_final},
};
use crate::{Cancel, Conversation, Done, Failure, Response, RunError, host::cancel::Stop};

/// A reply, and the calls of it that began while it streamed; see [`LocalHost::ask_early`]. If it is
/// dropped, the calls are stopped.
#[derive(Debug)]
pub struct EarlyReply<'a> {
    reply: Result<Response, Failure>,
    host: &'a LocalHost,
    /// The calls that began, by the ids of those that use them.
    begun: Vec<(String, RunningCall)>,
    stop: Stop,
}

/// Stops the early calls of a conversation when it is dropped.
struct StopCalls<'a>(&'a LocalHost, Arc<str>);

impl Drop for StopCalls<'_> {
    fn drop(&mut self) {
        self.0.started.take_all(&self.1);
    }
}

impl LocalHost {
    /// Asks the model like [`ask`](crate::host::Host::ask), but stops when `cancel` is used. It is for
    /// hosts around this one that learn elsewhere that one of their runs is cancelled. The `Cancel`
    /// given to [`cancelled_by`](Self::cancelled_by) does not stop this request.
    ///
    /// It starts calls while the reply streams, also with [`Mode::Sequential`](crate::host::Mode): those that may start
    /// [early](Self::early), and of which `may_start` says so. The host around this one takes their
    /// results from the reply, and makes the other calls.
    pub async fn ask_early(
        &self,
        so_far: &Conversation,
        cancel: &Cancel,
        may_start: &MayStart<'_>,
    ) -> Result<EarlyReply<'_>, RunError> {
        let (_stops, stop) = (StopCalls(self, so_far.shared_id().clone()), cancel.handle().stop());
        let reply = self.ask_model(so_far, stop.clone(), None, Some(may_start)).await?;
        let mut begun = self.started.take_all(so_far.id());
        begun.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(EarlyReply { reply, host: self, begun, stop })
    }
}

impl EarlyReply<'_> {
    /// Returns the reply, and the results of its calls that were made, by their ids. Of equal calls
    /// that share one execution, it returns the one that was made.
    ///
    /// If all calls of the reply began early, this waits until they have ended, at most for
    /// `at_most`. Otherwise it does not wait, because the other calls must not: calls that still run
    /// are stopped, and are to be made again. These are only calls that may be made again.
    pub async fn finish(self, at_most: Duration) -> (Result<Response, Failure>, Vec<(String, Done)>) {
        let Self { reply, host, begun, stop } = self;
        let count = reply.as_ref().map_or(0, |reply| reply.tool_calls().count());
        if !begun.is_empty() && begun.len() == count {
            let all = join_all(begun.iter().map(|(_, running)| running.ended()));
            // What has not ended by then is stopped.
            let _ = stop.or(pin!(tokio::time::timeout(at_most, all))).await;
        }
        let own: HashSet<String> = begun.iter().map(|(id, _)| id.clone()).collect();
        let mut made = Vec::new();
        for (id, running) in begun {
            if running.call.call.id != id && own.contains(&running.call.call.id) {
                continue;
            }
            let Some(done) = running.take_done().filter(|done| is_final(&done.outcome)) else {
                running.hide_end();
                continue;
            };
            running.finish_as(&host.caller, &id).await;
            made.push((id, done));
        }
        (reply, made)
    }
}
