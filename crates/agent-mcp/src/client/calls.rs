//! The calls of one connection that are under way.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use agent_core::Context;
use rmcp::{
    Peer, RoleClient, ServiceError,
    model::{ClientRequest, Extensions, ProgressNotificationParam, ProgressToken, RequestId, ServerResult},
    service::{InboundStreamOrigin, PeerRequestOptions, RequestHandle},
};
use tokio::sync::mpsc;

/// The calls of one connection that are under way, so that progress and questions of the server
/// find the call that they belong to.
#[derive(Default)]
pub(super) struct Calls {
    /// Held while a request is sent whose id is not known yet. What the server says meanwhile
    /// waits.
    sending: tokio::sync::Mutex<()>,
    under_way: Mutex<Vec<Arc<UnderWay>>>,
}

/// Who makes a call.
pub(super) struct Caller {
    pub(super) context: Context,
    /// Whether a person has approved the call because of a question of the server. That is so for
    /// the first question only.
    has_consent: AtomicBool,
    needs_approval: bool,
}

impl Caller {
    /// If the tool needs an approval itself, the approval of the call was for that.
    pub(super) fn of(context: Context, needs_approval: bool) -> Self {
        let has_consent = AtomicBool::new(context.approved() && !needs_approval);
        Self { context, has_consent, needs_approval }
    }

    /// Whether an approval of the call can answer the question that the server asks now. It can't if
    /// it was for the call itself, or for an earlier question.
    pub(super) fn can_consent(&self) -> bool {
        let is_left = self.has_consent.load(Ordering::Relaxed) || !self.context.approved();
        is_left && !self.needs_approval
    }

    /// Whether a person has approved the question that the server asks now.
    pub(super) fn take_consent(&self) -> bool {
        self.has_consent.swap(false, Ordering::Relaxed)
    }
}

/// A call whose answer has not come.
pub(super) struct UnderWay {
    id: RequestId,
    token: ProgressToken,
    pub(super) caller: Arc<Caller>,
    progress: Mutex<f64>,
    question: mpsc::UnboundedSender<String>,
}

impl UnderWay {
    /// Ends the call: a person has to be asked first.
    pub(super) fn ask(&self, question: String) {
        // If nobody listens, the call has ended.
        let _ = self.question.send(question);
    }

    fn report(&self, report: ProgressNotificationParam) {
        let ProgressNotificationParam { progress, total, message, .. } = report;
        let mut last = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        // Reports are read in parallel, so an earlier one may come late.
        if progress < *last {
            return;
        }
        *last = progress;
        let count = match total {
            Some(total) => format!("{progress} of {total}"),
            None => progress.to_string(),
        };
        self.caller.context.progress(message.map_or(count.clone(), |message| format!("{message} ({count})")));
    }
}

impl Calls {
    /// Sends the request of a call.
    pub(super) async fn send(
        self: &Arc<Self>,
        peer: &Peer<RoleClient>,
        request: ClientRequest,
        caller: &Arc<Caller>,
    ) -> Result<Sent, ServiceError> {
        let _sending = self.sending.lock().await;
        let handle = peer.send_request_with_option(request, PeerRequestOptions::no_options()).await?;
        let (question, questions) = mpsc::unbounded_channel();
        let call = Arc::new(UnderWay {
            id: handle.id.clone(),
            token: handle.progress_token.clone(),
            caller: caller.clone(),
            progress: Mutex::new(f64::NEG_INFINITY),
            question,
        });
        self.lock().push(call.clone());
        Ok(Sent { handle: Some(handle), call, calls: self.clone(), questions })
    }

    /// The server reports progress.
    pub(super) async fn report(&self, report: ProgressNotificationParam) {
        drop(self.sending.lock().await);
        let call = self.lock().iter().find(|call| call.token == report.progress_token).cloned();
        if let Some(call) = call {
            call.report(report);
        }
    }

    /// The call that a question of the server belongs to. Over HTTP, that is said by the stream on
    /// which the question comes. A process has one stream, so there only one call is under way if
    /// questions are allowed.
    pub(super) async fn asked_by(&self, extensions: &Extensions) -> Option<Arc<UnderWay>> {
        drop(self.sending.lock().await);
        let calls = self.lock();
        match extensions.get::<InboundStreamOrigin>() {
            Some(InboundStreamOrigin::OutboundRequest(id)) => {
                calls.iter().find(|call| call.id == *id).cloned()
            }
            _ => (calls.len() == 1).then(|| calls[0].clone()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<UnderWay>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that was sent. If it is dropped before its answer has come, the server is told that the
/// call is cancelled.
pub(super) struct Sent {
    handle: Option<RequestHandle<RoleClient>>,
    pub(super) call: Arc<UnderWay>,
    calls: Arc<Calls>,
    questions: mpsc::UnboundedReceiver<String>,
}

/// How a call went on.
pub(super) enum Answered {
    /// The server has answered it.
    Result(Box<ServerResult>),
    /// A person has to be asked this first.
    Question(String),
}

impl Sent {
    pub(super) async fn answer(&mut self) -> Result<Answered, ServiceError> {
        let Some(handle) = &mut self.handle else { return Err(ServiceError::TransportClosed) };
        tokio::select! {
            biased;
            answer = &mut handle.rx => {
                self.handle = None;
                answer.map_err(|_| ServiceError::TransportClosed)?.map(|result| Answered::Result(Box::new(result)))
            }
            Some(question) = self.questions.recv() => Ok(Answered::Question(question)),
        }
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.calls.lock().retain(|call| !Arc::ptr_eq(call, &self.call));
        let Some(handle) = self.handle.take() else { return };
        // Without a runtime the connection is gone, too.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(handle.cancel(Some("the caller stopped the call".to_owned())));
        }
    }
}
