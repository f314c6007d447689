//! Drives a conversation, and its detached calls beside it.

use std::{
    collections::HashMap,
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use futures::{Stream, StreamExt, stream::FuturesUnordered};

use super::{LocalHost, Mode};
use crate::{
    Call, Conversation, Delegation, DelegationGuard, End, Failure, Host, Perform, Rules, ToolTurn, drive,
    host::{
        background::{Background, EndedCall},
        delegation_guard::Home,
    },
};

/// The detached calls of the conversations that are being driven, by the ids of those.
#[derive(Debug, Default)]
pub(super) struct Backgrounds(Mutex<HashMap<Arc<str>, Arc<Background>>>);

/// The id of a call, and how its work has ended.
type Worked<E> = (String, (DelegationGuard, Result<Result<End, Failure>, E>));

/// The detached calls of a conversation, until this is dropped.
struct Entered<'a> {
    all: &'a Backgrounds,
    conversation: Arc<str>,
    background: Arc<Background>,
}

/// A conversation that is being driven. When it is dropped, its detached calls are kept in their
/// current state.
struct Kept<'a> {
    conversation: &'a mut Conversation,
    home: Home,
}

impl Backgrounds {
    /// The detached calls of a conversation. `None` if they can't go on beside it.
    pub(super) fn of(&self, conversation: &str) -> Option<Arc<Background>> {
        self.lock().get(conversation).cloned()
    }

    fn enter(&self, conversation: &Arc<str>) -> Entered<'_> {
        let background = Arc::<Background>::default();
        self.lock().insert(conversation.clone(), background.clone());
        Entered { all: self, conversation: conversation.clone(), background }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Background>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LocalHost {
    /// Drives a conversation by `outer`, together with its detached calls. Usually it has none, and
    /// no tool can have any.
    pub(super) async fn drive_beside<E>(
        &self,
        conversation: &mut Conversation,
        outer: &(impl Host<Error = E> + Perform<Error = E>),
    ) -> Result<End, E> {
        let may_detach = self.may_detach || conversation.detached_calls().next().is_some();
        match may_detach && self.mode == Mode::Concurrent {
            true => Box::pin(self.drive_with_background(conversation, outer)).await,
            false => drive(conversation, outer).await,
        }
    }

    async fn drive_with_background<E>(
        &self,
        conversation: &mut Conversation,
        outer: &(impl Host<Error = E> + Perform<Error = E>),
    ) -> Result<End, E> {
        // So that a model can stop them.
        self.cancel.get_or_init(Arc::default);
        let (id, home) = (conversation.shared_id().clone(), Home::default());
        // Declared first, so that it is dropped last, when all guards have put their conversations
        // back.
        let kept = Kept { conversation, home: home.clone() };
        let entered = self.backgrounds.enter(&id);
        let background = &entered.background;
        kept.conversation.detached_work().for_each(|work| background.start(work));
        let mut running = FuturesUnordered::new();
        let begin = |work: Delegation| {
            let (call, child) = (work.call.id.clone(), DelegationGuard::new(work, &home));
            async move { (call, outer.converse_detachable(child).await) }
        };
        let mut driving = pin!(drive_and_tell(kept.conversation, outer, background));
        let end = poll_fn(|context| {
            loop {
                running.extend(background.take_new().into_iter().map(&begin));
                if let Poll::Ready(error) = poll_running(&mut running, background, context) {
                    return Poll::Ready(Err(error));
                }
                let end = driving.as_mut().poll(context);
                if end.is_ready() || !background.has_new() {
                    return end;
                }
            }
        })
        .await;
        // If the run was stopped, each keeps that it was, too. Those that can't be made again end.
        while self.is_stopped(&id) || (end.is_ok() && background.any_runs(|call| self.must_end(call))) {
            let Some((call, (child, end))) = running.next().await else { break };
            end.map(|end| background.end(EndedCall { call, child, end }))?;
        }
        end
    }

    /// Whether a detached call comes to its end before its run does: it may have effects, and can't be
    /// made again. What agents do can go on later.
    fn must_end(&self, call: &Call) -> bool {
        let spec = self.caller.team.spec(&call.agent, &call.call.name);
        spec.is_some_and(|spec| !spec.may_be_repeated(false) && spec.targets.is_empty())
    }

    fn is_stopped(&self, conversation: &str) -> bool {
        self.cancel.get().is_some_and(|tokens| tokens.conversation(conversation).is_stopped())
    }
}

/// Goes on with the work of calls, and hands over what has ended. It is ready when a host fails.
fn poll_running<E>(
    running: &mut (impl Stream<Item = Worked<E>> + Unpin),
    background: &Background,
    context: &mut Context<'_>,
) -> Poll<E> {
    while let Poll::Ready(Some((call, (child, end)))) = running.poll_next_unpin(context) {
        match end {
            Ok(end) => background.end(EndedCall { call, child, end }),
            Err(error) => return Poll::Ready(error),
        }
    }
    Poll::Pending
}

/// Drives a conversation to its end. Before it begins, and when the run ends without waiting for
/// detached calls, those are told that have ended.
async fn drive_and_tell<H: Host>(
    conversation: &mut Conversation,
    outer: &H,
    background: &Background,
) -> Result<End, H::Error> {
    loop {
        if background.has_ended() {
            outer.act(ToolTurn::without_work(conversation, outer.rules())).await?;
        }
        let end = drive(conversation, outer).await?;
        if !matches!(end, End::Answered(_)) || !background.has_ended() {
            return Ok(end);
        }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.all.lock().remove(&self.conversation);
        self.background.clear();
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        for (call, child) in self.home.take_all() {
            self.conversation.keep_child(&call.id, child);
        }
    }
}
