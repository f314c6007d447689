//! Driving conversations on the engine, from any program.

use std::{fmt, sync::Arc};

use agent_core::{
    Conversation, End, Role,
    conversation::{NothingToTakeBack, PendingApproval, SessionIdError, check_session_id},
};
use http::Uri;
use restate_sdk::{
    context::RequestTarget,
    ingress::{Client, Output},
    serde::Json,
};
use serde::{Deserialize, Serialize};

use crate::{
    RestateError, RunResult, Transport,
    decision::{Decision, Verdict},
    names::SESSION,
    payload::{CONVERSATION, size, too_large},
    transport::{By, Plain},
};

/// Drives conversations on the engine whose ingress this is, where a process [serves](crate::Services) their team. Cloning is
/// cheap.
#[derive(Clone)]
pub struct Restate {
    client: Client<By>,
}

/// A run on the engine, by which any program can wait for its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Invocation(pub String);

impl Restate {
    /// The engine whose ingress has this address, as `http://127.0.0.1:8080`.
    pub fn at(ingress: &str) -> Result<Self, RestateError> {
        Self::by(ingress, Plain::new())
    }

    /// The same, by a transport of one's own.
    pub fn by(ingress: &str, transport: impl Transport) -> Result<Self, RestateError> {
        let wrong = |why: String| RestateError::Address { address: ingress.to_owned(), why };
        let uri: Uri = ingress.parse().map_err(|error: http::uri::InvalidUri| wrong(error.to_string()))?;
        let client = Client::new(uri, By(Arc::new(transport))).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { client })
    }

    /// The same for a Restate Cloud that wants this token.
    pub fn with_token(self, token: &str) -> Result<Self, RestateError> {
        let client = self.client.with_restate_auth_token(token);
        let wrong =
            |_| RestateError::Address { address: "the token".to_owned(), why: "it is none".to_owned() };
        Ok(Self { client: client.map_err(wrong)? })
    }

    /// Drives the conversation on the engine until it is the user's turn, as [`drive`](agent_core::host::drive) does, and says so.
    /// If the engine has come further with it, it becomes what it is there: run again what was broken off. A call that waits
    /// for a person is waited for; see [`waiting`](Self::waiting). The session's id is the conversation's, which must be one of
    /// its own: see [`check_session_id`].
    pub async fn run(&self, conversation: &mut Conversation) -> Result<End, RestateError> {
        let request = self.client.request(session(conversation.id(), "run"), input(conversation)?);
        let Json(ran): Json<RunResult> = request.call().await?.into_body()?;
        *conversation = ran.conversation;
        Ok(ran.end?)
    }

    /// Has the conversation driven and does not wait for it. With the same `key`, it is the same run, however often it is
    /// submitted: within a day, as the engine is set by default.
    pub async fn submit(
        &self,
        conversation: &Conversation,
        key: Option<&str>,
    ) -> Result<Invocation, RestateError> {
        let request = self
            .client
            .request::<_, Json<RunResult>>(session(conversation.id(), "run"), input(conversation)?);
        let request = match key {
            Some(key) => request.idempotency_key(key),
            None => request,
        };
        Ok(Invocation(request.send().await?.invocation_handle().invocation_id().as_str().to_owned()))
    }

    /// Waits for the end of a run that was submitted, by whomever. The engine knows it for a day, as it is set by default.
    pub async fn attach(&self, invocation: &Invocation) -> Result<RunResult, RestateError> {
        let handle = self.client.invocation_handle::<Json<RunResult>>(&*invocation.0);
        Ok(handle.attach().await?.into_body().0)
    }

    /// The same without waiting; `None` as long as it is not over.
    pub async fn result(&self, invocation: &Invocation) -> Result<Option<RunResult>, RestateError> {
        let handle = self.client.invocation_handle::<Json<RunResult>>(&*invocation.0);
        Ok(match handle.output().await?.into_body() {
            Output::Ready(Json(ran)) => Some(ran),
            Output::NotReady => None,
        })
    }

    /// The conversation of this id as far as it has come, also while it is driven; `None` if there is none. One that is
    /// delegated is there as long as it is driven.
    pub async fn history(&self, id: &str) -> Result<Option<Conversation>, RestateError> {
        self.call(id, "history", ()).await
    }

    /// The calls of this session that wait for a person, also of conversations that are delegated from it.
    pub async fn waiting(&self, id: &str) -> Result<Vec<PendingApproval>, RestateError> {
        self.call(id, "waiting", ()).await
    }

    /// Allows a call that waits, by its [key](PendingApproval::key): the run goes on with it.
    pub async fn approve(&self, key: &str) -> Result<(), RestateError> {
        self.decide(key, Verdict::Allow).await
    }

    /// Denies a call that waits: the model reads why.
    pub async fn deny(&self, key: &str, reason: &str) -> Result<(), RestateError> {
        self.decide(key, Verdict::Deny(reason.to_owned())).await
    }

    /// Takes back the last exchange of this session, as [`Conversation::take_back`] does; gives back the conversation as it is
    /// then. A run that drives the session ends first: [`cancel`](Self::cancel) one that should not be waited for, as one
    /// that waits for a person.
    pub async fn take_back(&self, id: &str) -> Result<Conversation, RestateError> {
        let conversation: Option<Conversation> = self.call(id, "take_back", ()).await?;
        conversation.ok_or_else(|| NothingToTakeBack { conversation: id.to_owned() }.into())
    }

    /// Stops the run that drives this session, with its calls and delegations; what was done is kept. False if nothing drives
    /// it.
    pub async fn cancel(&self, id: &str) -> Result<bool, RestateError> {
        self.call(id, "cancel", ()).await
    }

    /// Forgets this session, once nothing drives it.
    pub async fn forget(&self, id: &str) -> Result<(), RestateError> {
        let request = self.client.request::<(), ()>(session(id, "forget"), ());
        Ok(request.call().await?.into_body()?)
    }

    async fn decide(&self, key: &str, verdict: Verdict) -> Result<(), RestateError> {
        let conversation = key.rsplit_once('/').map_or(key, |(conversation, _)| conversation);
        let decision = Json(Decision { key: key.to_owned(), verdict });
        let request = self.client.request::<_, ()>(session(conversation, "decide"), decision);
        Ok(request.call().await?.into_body()?)
    }

    async fn call<T>(&self, id: &str, handler: &str, nothing: ()) -> Result<T, RestateError>
    where
        T: Serialize + for<'de> Deserialize<'de> + 'static,
    {
        let request = self.client.request::<(), Json<T>>(session(id, handler), nothing);
        Ok(request.call().await?.into_body()?.0)
    }
}

fn session(id: &str, handler: &str) -> RequestTarget {
    RequestTarget::object(SESSION, id, handler)
}

fn input(conversation: &Conversation) -> Result<Json<Conversation>, RestateError> {
    check_id(conversation)?;
    match size(conversation) {
        bytes if bytes > CONVERSATION => {
            Err(RestateError::TooLarge(too_large("the conversation", bytes, CONVERSATION)))
        }
        _ => Ok(Json(conversation.clone())),
    }
}

/// What an earlier version began under the id of those that were given none can be gone on with: then the engine says whether
/// it is that one.
fn check_id(conversation: &Conversation) -> Result<(), SessionIdError> {
    let has_begun = || conversation.messages().iter().any(|message| message.role() == Role::Assistant);
    match check_session_id(conversation.id()) {
        Err(SessionIdError::NotItsOwn) if has_begun() => Ok(()),
        checked => checked,
    }
}

impl fmt::Debug for Restate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Restate").finish_non_exhaustive()
    }
}
