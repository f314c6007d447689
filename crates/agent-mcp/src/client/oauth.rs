//! Authorization by OAuth.

use std::{fmt, future::Future, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use rmcp::transport::{
    AuthError, AuthorizationManager, AuthorizationRequest, AuthorizationSession, ClientCredentialsConfig,
    CredentialRefreshGuard, CredentialStore, InMemoryCredentialStore, StoredCredentials,
    WWWAuthenticateParams,
    auth::{AuthorizationCallback, OAuthClientConfig},
};
use tokio::sync::Mutex;

use super::oauth_http::OAuthHttp;

/// Gets tokens for a server by OAuth 2.1, as the protocol's authorization says: with what the
/// server publishes about its authorization server, PKCE, and tokens for this server only.
///
/// The function gets the address at which the user allows the access. It opens the address in a
/// browser, waits until the browser is sent to `redirect`, and returns the whole address to which
/// it was sent. It is called when the server wants an authorization: in
/// [`connect`](super::ServerBuilder::connect), or in a call that needs more rights. Tokens that
/// expire are refreshed without it.
///
/// ```no_run
/// # async fn open_browser_and_wait(_: String) -> Result<String, String> { Ok(String::new()) }
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use agent_mcp::{McpServer, OAuth};
///
/// let oauth = OAuth::new("http://127.0.0.1:8765/callback", open_browser_and_wait).client_name("My program");
/// let server = McpServer::http("https://mcp.example.com/mcp").oauth(oauth).connect().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct OAuth {
    who: Who,
    client_name: String,
    client: Option<String>,
    client_secret: Option<String>,
    metadata_url: Option<String>,
    scopes: Vec<String>,
    store: Arc<dyn CredentialStore>,
}

/// Who allows the access.
#[derive(Clone)]
enum Who {
    User {
        redirect: String,
        ask: Arc<Ask>,
    },
    /// The program has it by its secret.
    Program,
}

type Ask = dyn Fn(String) -> BoxFuture<'static, Result<String, String>> + Send + Sync;

impl OAuth {
    /// See [`OAuth`]. `redirect` is an address of this program.
    pub fn new<F, E>(redirect: impl Into<String>, ask: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<String, E>> + Send + 'static,
        E: fmt::Display,
    {
        let ask = move |url| ask(url).map(|said| said.map_err(|error| error.to_string())).boxed();
        Self::by(Who::User { redirect: redirect.into(), ask: Arc::new(ask) })
    }

    /// Gets tokens for the program itself, without a user: by the id and the secret with which it
    /// is registered (the grant *client credentials*).
    pub fn client_credentials(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self::by(Who::Program).client(id).client_secret(secret)
    }

    fn by(who: Who) -> Self {
        Self {
            who,
            client_name: "agent-mcp".to_owned(),
            client: None,
            client_secret: None,
            metadata_url: None,
            scopes: Vec::new(),
            store: Arc::new(InMemoryCredentialStore::new()),
        }
    }

    /// Sets the name under which the program registers itself.
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.client_name = name.into();
        self
    }

    /// Uses a client that was registered before, so that none is registered.
    pub fn client(mut self, id: impl Into<String>) -> Self {
        self.client = Some(id.into());
        self
    }

    /// Sets the secret of the [`client`](Self::client).
    pub fn client_secret(mut self, secret: impl Into<String>) -> Self {
        self.client_secret = Some(secret.into());
        self
    }

    /// Sets the https address at which the program's own description is published (a client id
    /// metadata document). It is used if the authorization server takes such a description.
    pub fn client_metadata_url(mut self, url: impl Into<String>) -> Self {
        self.metadata_url = Some(url.into());
        self
    }

    /// Asks for these scopes. By default it asks for those that the server names.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Keeps tokens in a place of the program, for example the system's keyring. By default they
    /// are kept in memory.
    pub fn store(mut self, store: impl CredentialStore + 'static) -> Self {
        self.store = Arc::new(store);
        self
    }

    /// What must not be shown.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.client_secret.as_deref().into_iter()
    }

    /// What knows the tokens for a server, with those that are in the store.
    pub(super) async fn manager(&self, url: &str) -> Result<AuthorizationManager, AuthError> {
        let mut manager = self.empty_manager(url).await?;
        let is_known = manager.initialize_from_store().await?;
        // The store keeps no secrets of clients.
        let secret = self.client.as_ref().zip(self.client_secret.as_ref()).filter(|_| is_known);
        if let Some((client, secret)) = secret {
            let config = OAuthClientConfig::new(client, self.redirect()).with_client_secret(secret);
            manager.configure_client(config)?;
        }
        Ok(manager)
    }

    pub(super) async fn empty_manager(&self, url: &str) -> Result<AuthorizationManager, AuthError> {
        let http = Arc::new(OAuthHttp::new().map_err(AuthError::InternalError)?);
        let mut manager = AuthorizationManager::new_with_oauth_http_client(url, http).await?;
        manager.set_credential_store(Shared(self.store.clone()));
        Ok(manager)
    }

    /// Asks the user. `challenge` is what the server said with its refusal.
    pub(super) async fn authorize(
        &self,
        url: &str,
        manager: &Mutex<AuthorizationManager>,
        challenge: &str,
    ) -> Result<(), AuthError> {
        // Held until the user has answered, so that requests wait, and the user is asked once.
        let mut manager = manager.lock().await;
        let base = url.parse().map_err(|_| AuthError::InternalError("the URL is invalid".to_owned()))?;
        let asked = WWWAuthenticateParams::parse(challenge, &base);
        if let Who::Program = self.who {
            return self.authorize_program(url, &mut manager, challenge).await;
        }
        if asked.is_insufficient_scope() {
            // It counts how often it was asked, and refuses after some times.
            let scope = asked.scope.as_deref().unwrap_or_default();
            let address = manager.request_scope_upgrade(scope).await?;
            return self.finish(&manager, address).await;
        }
        let empty = self.empty_manager(url).await?;
        let own = std::mem::replace(&mut *manager, empty);
        let (own, done) = self.authorize_user(own, challenge).await;
        *manager = own;
        done
    }

    /// Registers the program where that is needed, and sends the user.
    async fn authorize_user(
        &self,
        mut manager: AuthorizationManager,
        challenge: &str,
    ) -> (AuthorizationManager, Result<(), AuthError>) {
        match manager.resolve_metadata_from_challenge(Some(challenge)).await {
            Ok(resolved) => manager.set_metadata(resolved.metadata),
            Err(error) => return (manager, Err(error)),
        }
        match AuthorizationSession::new(manager, self.request(challenge)).await {
            Ok(session) => {
                let done = self.finish(&session.auth_manager, session.auth_url.clone()).await;
                (session.auth_manager, done)
            }
            Err((manager, error)) => (manager, Err(error)),
        }
    }

    async fn authorize_program(
        &self,
        url: &str,
        manager: &mut AuthorizationManager,
        challenge: &str,
    ) -> Result<(), AuthError> {
        let resolved = manager.resolve_metadata_from_challenge(Some(challenge)).await?;
        manager.set_metadata(resolved.metadata);
        let scopes = match self.scopes.is_empty() {
            true => manager.select_initial_scopes(&[]).await,
            false => self.scopes.clone(),
        };
        let config = ClientCredentialsConfig::ClientSecret {
            client_id: self.client.clone().unwrap_or_default(),
            client_secret: self.client_secret.clone().unwrap_or_default(),
            scopes,
            resource: Some(url.to_owned()),
        };
        manager.validate_client_credentials_metadata(&config)?;
        manager.configure_client_credentials(&config)?;
        manager.exchange_client_credentials(&config).await.map(drop)
    }

    /// The address to which the user is sent back; empty if there is no user.
    fn redirect(&self) -> &str {
        match &self.who {
            Who::User { redirect, .. } => redirect,
            Who::Program => "",
        }
    }

    fn request(&self, challenge: &str) -> AuthorizationRequest {
        let mut request = AuthorizationRequest::new(self.redirect())
            .with_scopes(self.scopes.clone())
            .with_client_name(&self.client_name)
            .with_challenge(challenge);
        request.client_id = self.client.clone();
        request.client_secret = self.client_secret.clone();
        request.client_metadata_url = self.metadata_url.clone();
        request
    }

    /// Sends the user to the address, and gets the tokens for what comes back.
    async fn finish(&self, manager: &AuthorizationManager, address: String) -> Result<(), AuthError> {
        let Who::User { ask, .. } = &self.who else { return Err(AuthError::AuthorizationRequired) };
        let came_back = ask(address).await.map_err(AuthError::AuthorizationFailed)?;
        let callback = AuthorizationCallback::from_redirect_url(&came_back)?;
        let AuthorizationCallback { code, csrf_token, issuer, .. } = callback;
        let issuer = issuer.as_deref();
        manager.exchange_code_for_token_with_issuer(&code, &csrf_token, issuer).await.map(drop)
    }
}

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth").field("redirect", &self.redirect()).finish_non_exhaustive()
    }
}

/// The store, for each manager that is made.
struct Shared(Arc<dyn CredentialStore>);

#[agent_core::async_trait]
impl CredentialStore for Shared {
    async fn load(&self) -> Result<Option<StoredCredentials>, AuthError> {
        self.0.load().await
    }

    async fn save(&self, credentials: StoredCredentials) -> Result<(), AuthError> {
        self.0.save(credentials).await
    }

    async fn clear(&self) -> Result<(), AuthError> {
        self.0.clear().await
    }

    async fn on_refresh_token_rejected(&self, credentials: &StoredCredentials) -> Result<(), AuthError> {
        self.0.on_refresh_token_rejected(credentials).await
    }

    async fn acquire_refresh_guard(&self) -> Result<Option<CredentialRefreshGuard>, AuthError> {
        self.0.acquire_refresh_guard().await
    }
}
