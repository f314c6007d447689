//! Waits for calls that have their results before they have really ended.

use std::{convert::Infallible, pin::pin};

use tokio::{
    sync::oneshot::{Receiver, error::TryRecvError},
    task::yield_now,
};

use super::LocalHost;
use crate::{
    Call, EventKind, Outcome, Receipt, Rules,
    event::{emitter::Origin, named},
};

impl LocalHost {
    /// Waits until a call with which others take turns has really ended. It may have timed out or
    /// been cancelled while its thread still runs; then an event says so. If its conversation is
    /// stopped, it does not wait, because no call follows.
    pub(super) async fn until_returned(
        &self,
        call: &Call,
        receipt: &Receipt,
        mut over: Receiver<Infallible>,
    ) {
        // Any other error means that it has ended.
        let is_over = |over: &mut Receiver<Infallible>| !matches!(over.try_recv(), Err(TryRecvError::Empty));
        if is_over(&mut over) {
            return;
        }
        // A call without a thread ends as soon as its task is polled.
        yield_now().await;
        if is_over(&mut over) {
            return;
        }
        let tokens = self.cancel.get();
        let stop = tokens.map(|tokens| tokens.conversation(&call.conversation)).unwrap_or_default();
        let spec = self.caller.team.spec(&call.agent, &call.call.name);
        if spec.is_some_and(|spec| spec.blocking) && !stop.is_stopped() {
            self.caller.emitter.emit(Origin::of(call), || goes_on(call, receipt));
        }
        let _ = stop.or(pin!(over)).await;
    }
}

fn goes_on(call: &Call, receipt: &Receipt) -> EventKind {
    let (id, tool) = named(&call.call);
    let why = match receipt.done_or_error().outcome {
        Outcome::Output(content) | Outcome::Error(content) | Outcome::Answer { content, .. } => {
            content.described().into()
        }
        _ => "it has led elsewhere".into(),
    };
    EventKind::CallGoesOn { id, tool, why }
}
