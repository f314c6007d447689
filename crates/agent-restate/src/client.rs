//! The client: runs conversations on the engine, from any program.

use std::{fmt, sync::Arc};

use agent_core::{
    Conversation, End, Role,
    budget::Balance,
    conversation::{NothingToTakeBack, PendingApproval, SessionIdError, check_session_id},
};
use http::{HeaderValue, Uri};
use restate_sdk::{
    context::RequestTarget,
    ingress::{Client, Output},
    serde::Json,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    RestateError, RunResult, Transport,
    accounts::{ACCOUNTS, shared_key},
    admin,
    decision::{Decision, Verdict},
    event_store::Batch,
    kept_events::{EVENTS, Page},
    names::SESSION,
    payload::{MAX_CONVERSATION_BYTES, json_bytes, too_large},
    transport::{PlainHttp, SdkTransport},
};

/// The client of a Restate engine. Use it to run conversations there, to approve waiting calls, and
/// to read or cancel sessions (a session is a conversation on the engine). At least one process
/// must [serve](crate::Services) the team of the conversation. Clones are cheap.
#[derive(Clone)]
pub struct Restate {
    client: Client<SdkTransport>,
    transport: Arc<dyn Transport>,
    token: Option<HeaderValue>,
    admin: Option<Arc<str>>,
}

/// The id of a run on the engine. [`Restate::submit`] returns it. Any program can save the id and
/// pass it to [`Restate::attach`] or [`Restate::result`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Invocation(pub String);

impl Restate {
    /// Makes a client for the engine whose ingress has this address, such as
    /// `http://127.0.0.1:8080`. For an address with https, use [`Restate::with_transport`].
    pub fn at(ingress: &str) -> Result<Self, RestateError> {
        Self::with_transport(ingress, PlainHttp::new())
    }

    /// Like [`Restate::at`], but the client sends its requests with your own [`Transport`].
    pub fn with_transport(ingress: &str, transport: impl Transport) -> Result<Self, RestateError> {
        let wrong = |why: String| RestateError::Address { address: ingress.to_owned(), why };
        let uri: Uri = ingress.parse().map_err(|error: http::uri::InvalidUri| wrong(error.to_string()))?;
        let transport: Arc<dyn Transport> = Arc::new(transport);
        let client =
            Client::new(uri, SdkTransport(transport.clone())).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { client, transport, token: None, admin: None })
    }

    /// Sets the address of the engine's admin API, such as `http://127.0.0.1:9070`. It is needed to
    /// list sessions ([`Sessions`](agent_core::sessions::Sessions)), and for nothing else.
    pub fn with_admin(self, admin: &str) -> Result<Self, RestateError> {
        let wrong = |why: &str| RestateError::Address { address: admin.to_owned(), why: why.to_owned() };
        let uri: Uri = admin.parse().map_err(|error: http::uri::InvalidUri| wrong(&error.to_string()))?;
        if uri.scheme().is_none() || uri.authority().is_none() {
            return Err(wrong("it has no scheme"));
        }
        Ok(Self { admin: Some(admin.trim_end_matches('/').into()), ..self })
    }

    /// Sets the bearer token of all requests. Restate Cloud needs one. By default no token is sent.
    /// Fails with [`RestateError::Address`] if the token has characters that a header can't have.
    pub fn with_token(self, token: &str) -> Result<Self, RestateError> {
        let wrong = || RestateError::Address {
            address: "the token".to_owned(),
            why: "it has characters that a header can't have".to_owned(),
        };
        let client = self.client.with_restate_auth_token(token).map_err(|_| wrong())?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| wrong())?;
        bearer.set_sensitive(true);
        Ok(Self { client, token: Some(bearer), ..self })
    }

    /// Runs the conversation on the engine until it is the user's turn, and returns how the run
    /// ended. `conversation` is updated. If the engine has a newer state of the conversation, the
    /// run continues from that state. So after an error, just run the conversation again.
    ///
    /// If a call waits for a person, this method waits, too. Another task or program can list such
    /// calls with [`waiting`](Self::waiting), and decide with [`approve`](Self::approve) or
    /// [`deny`](Self::deny).
    ///
    /// The id of the conversation is the id of its session. Set it with [`Conversation::with_id`];
    /// [`check_session_id`] says which ids are valid.
    pub async fn run(&self, conversation: &mut Conversation) -> Result<End, RestateError> {
        let request = self.client.request(session(conversation.id(), "run"), input(conversation)?);
        let Json(ran): Json<RunResult> = request.call().await?.into_body()?;
        *conversation = ran.conversation;
        Ok(ran.end?)
    }

    /// Starts a run of the conversation and returns without waiting for the end of the run. Pass
    /// the [`Invocation`] to [`attach`](Self::attach) or [`result`](Self::result) to get the
    /// result. If you pass a `key`, further calls with the same key do not start another run. By
    /// default the engine remembers a key for one day.
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

    /// Waits for the end of a [submitted](Self::submit) run, also one that another program has
    /// submitted, and returns its result. By default the engine keeps the result for one day.
    pub async fn attach(&self, invocation: &Invocation) -> Result<RunResult, RestateError> {
        let handle = self.client.invocation_handle::<Json<RunResult>>(&*invocation.0);
        Ok(handle.attach().await?.into_body().0)
    }

    /// Returns the result of a [submitted](Self::submit) run if the run has ended, and `None` if it
    /// has not. This method does not wait. If a model did not reply, that is in [`RunResult::end`].
    /// Other errors that ended the run, such as [`RestateError::Cancelled`], are the `Err` of this
    /// method.
    pub async fn result(&self, invocation: &Invocation) -> Result<Option<RunResult>, RestateError> {
        let handle = self.client.invocation_handle::<Json<RunResult>>(&*invocation.0);
        Ok(match handle.output().await?.into_body() {
            Output::Ready(Json(ran)) => Some(ran),
            Output::NotReady => None,
        })
    }

    /// Reads the conversation with this id, also during a run. `None` if the engine has no
    /// conversation with this id. A delegated conversation can be read only during its run.
    pub async fn history(&self, id: &str) -> Result<Option<Conversation>, RestateError> {
        self.call(id, "history", ()).await
    }

    /// Lists the calls of this session that wait for a person, including those in conversations
    /// that were delegated from it.
    pub async fn waiting(&self, id: &str) -> Result<Vec<PendingApproval>, RestateError> {
        self.call(id, "waiting", ()).await
    }

    /// Approves a call that waits for a person. The run then makes the call, also while other calls
    /// of the same reply run. `key` is [`PendingApproval::key`]. Fails with [`RestateError::NotWaiting`] if no call with this key
    /// waits.
    pub async fn approve(&self, key: &str) -> Result<(), RestateError> {
        self.decide(key, Verdict::Approve).await
    }

    /// Denies a call that waits for a person. The call gets an error result, in which the model
    /// reads `reason`, and the run continues. `key` and errors are as in
    /// [`approve`](Self::approve).
    pub async fn deny(&self, key: &str, reason: &str) -> Result<(), RestateError> {
        self.decide(key, Verdict::Deny(reason.to_owned())).await
    }

    /// Takes back the last exchange of this session, as [`Conversation::take_back`] does, and
    /// returns the conversation. If a run is in progress, this waits for the end of the run. If
    /// that run waits for a person, [`cancel`](Self::cancel) it first.
    pub async fn take_back(&self, id: &str) -> Result<Conversation, RestateError> {
        let conversation: Option<Conversation> = self.call(id, "take_back", ()).await?;
        conversation.ok_or_else(|| NothingToTakeBack { conversation: id.to_owned() }.into())
    }

    /// Stops the run of this session, including its calls and delegated conversations. Finished
    /// work is kept. Returns `false` if no run is in progress.
    pub async fn cancel(&self, id: &str) -> Result<bool, RestateError> {
        self.call(id, "cancel", ()).await
    }

    /// Deletes this session from the engine. If a run is in progress, this waits for the end of the
    /// run.
    pub async fn forget(&self, id: &str) -> Result<(), RestateError> {
        let request = self.client.request::<(), ()>(session(id, "forget"), ());
        Ok(request.call().await?.into_body()?)
    }

    /// Returns what the sessions of this engine have spent of the
    /// [shared budget](agent_core::Limits::shared_budget) with this name, and what their requests
    /// have reserved. `None` if none has used it.
    pub async fn shared_budget(&self, name: &str) -> Result<Option<Balance>, RestateError> {
        let target = RequestTarget::object(ACCOUNTS, shared_key(name), "balance");
        let request = self.client.request::<(), Json<Option<Balance>>>(target, ());
        Ok(request.call().await?.into_body()?.0)
    }

    /// Forgets what was spent of the shared budget with this name. It begins again at zero.
    pub async fn forget_shared_budget(&self, name: &str) -> Result<(), RestateError> {
        let target = RequestTarget::object(ACCOUNTS, shared_key(name), "forget");
        Ok(self.client.request::<(), ()>(target, ()).call().await?.into_body()?)
    }

    pub(crate) async fn exists(&self, id: &str) -> Result<bool, RestateError> {
        self.call(id, "exists", ()).await
    }

    pub(crate) async fn append_events(&self, session: &str, batch: &Batch) -> Result<(), RestateError> {
        let target = RequestTarget::object(EVENTS, session, "append");
        let request = self.client.request::<_, Json<()>>(target, Json(batch));
        request.call().await?.into_body()?;
        Ok(())
    }

    /// Some of the events of a session after this offset.
    pub(crate) async fn events_after(&self, session: &str, after: u64) -> Result<Page, RestateError> {
        let target = RequestTarget::object(EVENTS, session, "read");
        Ok(self.client.request::<_, Json<Page>>(target, Json(after)).call().await?.into_body()?.0)
    }

    /// Asks the admin API with an SQL query. `None` if its address is not known.
    pub(crate) async fn query<T: DeserializeOwned>(&self, sql: &str) -> Option<Result<Vec<T>, RestateError>> {
        Some(admin::query(&self.transport, self.admin.as_ref()?, self.token.as_ref(), sql).await)
    }

    async fn decide(&self, key: &str, verdict: Verdict) -> Result<(), RestateError> {
        let conversation = key.rsplit_once('/').map_or(key, |(conversation, _)| conversation);
        let decision = Json(Decision { key: key.to_owned(), verdict });
        let request = self.client.request::<_, ()>(session(conversation, "decide"), decision);
        Ok(request.call().await?.into_body()?)
    }

    /// Calls a handler of a session with this input.
    pub(crate) async fn call_with<I, T>(&self, id: &str, handler: &str, input: I) -> Result<T, RestateError>
    where
        I: Serialize + 'static,
        T: Serialize + for<'de> Deserialize<'de> + 'static,
    {
        let request = self.client.request::<_, Json<T>>(session(id, handler), Json(input));
        Ok(request.call().await?.into_body()?.0)
    }

    pub(crate) async fn call<T>(&self, id: &str, handler: &str, nothing: ()) -> Result<T, RestateError>
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
    match json_bytes(conversation) {
        bytes if bytes > MAX_CONVERSATION_BYTES => {
            Err(RestateError::TooLarge(too_large("the conversation", bytes, MAX_CONVERSATION_BYTES)))
        }
        _ => Ok(Json(conversation.clone())),
    }
}

/// Conversations that an earlier version started under the default id can be continued. The engine
/// checks whether it is the right one.
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
