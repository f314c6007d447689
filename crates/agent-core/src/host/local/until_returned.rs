//! Calls that have their results before they are over.

use std::{convert::Infallible, pin::pin};

use tokio::{
    sync::oneshot::{Receiver, error::TryRecvError},
    task::yield_now,
};

use super::LocalHost;
use crate::{Call, EventKind, Outcome, Receipt, Rules, event::emitter::Origin};

impl LocalHost {
    /// Waits until a call is over that others take turns with: it may have timed out, or been
    /// cancelled, while its thread goes on. Then an event says so. Where its conversation is
    /// stopped, nothing comes after it that would have to wait.
    pub(super) async fn until_returned(
        &self,
        call: &Call,
        receipt: &Receipt,
        mut over: Receiver<Infallible>,
    ) {
        // Another error is what says that it is over.
        let is_over = |over: &mut Receiver<Infallible>| !matches!(over.try_recv(), Err(TryRecvError::Empty));
        if is_over(&mut over) {
            return;
        }
        // What is on no thread ends as soon as its task sees it.
        yield_now().await;
        if is_over(&mut over) {
            return;
        }
        let tokens = self.cancel.as_ref();
        let stop = tokens.map(|tokens| tokens.conversation(&call.conversation)).unwrap_or_default();
        let spec = self.caller.team.spec(&call.agent, &call.call.name);
        if spec.is_some_and(|spec| spec.blocking) && !stop.is_stopped() {
            self.caller.emitter.emit(Origin::of(call), || goes_on(call, receipt));
        }
        let _ = stop.or(pin!(over)).await;
    }
}

fn goes_on(call: &Call, receipt: &Receipt) -> EventKind {
    let (id, tool) = (call.call.id.clone(), call.call.name.clone());
    let why = match receipt.done_or_error().outcome {
        Outcome::Output(content) | Outcome::Error(content) => content.describe(),
        _ => "it has led elsewhere".to_owned(),
    };
    EventKind::CallGoesOn { id, tool, why }
}
