//! Runs in this process, where nothing else is said.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_core::{Conversation, End, Event, Run, RunError};

use super::{
    ClientCall,
    ended::Ended,
    kept::{self, Kept},
};

/// Runs calls in this process, and keeps in memory the conversations of calls that a client may
/// make again. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct InProcess {
    kept: Arc<Mutex<Kept>>,
    values: Vec<Arc<Give>>,
    listeners: Vec<Arc<Listener>>,
}

/// Gives a value to a run.
type Give = dyn for<'a> Fn(Run<'a>) -> Run<'a> + Send + Sync;
type Listener = dyn Fn(&Event) + Send + Sync;

impl InProcess {
    pub(crate) fn with<T: Clone + Send + Sync + 'static>(&mut self, value: T) {
        self.values.push(Arc::new(move |run: Run<'_>| run.with(value.clone())));
    }

    pub(crate) fn listen(&mut self, listener: impl Fn(&Event) + Send + Sync + 'static) {
        self.listeners.push(Arc::new(listener));
    }

    pub(crate) async fn run(&self, call: &ClientCall) -> Ended {
        let start = call.conversation();
        let kept = self.kept().take(call.id()).or_else(|| (!call.0.continues).then(|| start.clone()));
        let Some(conversation) = kept else {
            return Ended::error(format!(
                "this call can't be continued: the server keeps the last {} calls that wait, and this is not one of \
                 them; make the call again",
                kept::MOST
            ));
        };
        // So it is kept also if the run is dropped.
        let keeps = call.0.has_key || call.0.continues;
        let mut keeper = Keeper { in_process: self, conversation, keeps };
        if !keeper.conversation.messages().starts_with(start.messages()) {
            return Ended::error(
                "this idempotency key was used for a call with another input: use a new key",
            );
        }
        call.decide(&mut keeper.conversation);
        let end = self.run_to_end(call, &mut keeper.conversation).await;
        keeper.keeps = call.0.has_key || matches!(end, Ok(End::Waiting(_)));
        match &end {
            Ok(end) => Ended::of(end, &keeper.conversation),
            Err(error) => Ended::error(error.to_string()),
        }
    }

    async fn run_to_end(&self, call: &ClientCall, conversation: &mut Conversation) -> Result<End, RunError> {
        let team = call.team();
        let mut run = team.run(conversation).listen(call.listener());
        for listener in self.listeners.iter().cloned() {
            run = run.listen(move |event| listener(event));
        }
        run = self.values.iter().fold(run, |run, give| give(run));
        if let Some(caller) = call.caller() {
            run = run.with(caller.clone());
        }
        run.await
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a conversation when it is dropped, unless nobody can ask for it again.
struct Keeper<'a> {
    in_process: &'a InProcess,
    conversation: Conversation,
    keeps: bool,
}

impl Drop for Keeper<'_> {
    fn drop(&mut self) {
        if self.keeps {
            let kept = std::mem::replace(&mut self.conversation, Conversation::new(""));
            self.in_process.kept().put(kept);
        }
    }
}
