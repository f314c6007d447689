//! A connection to a server.

use std::{future::Future, sync::Arc};

use futures::TryFutureExt;
use rmcp::{
    ClientLifecycleMode, ClientServiceExt, Peer, RoleClient, ServiceError,
    model::ProtocolVersion,
    service::{ClientInitializeError, RunningService},
    transport::{AuthClient, AuthorizationManager, StreamableHttpClientTransport},
};
use tokio::{
    sync::{Mutex, mpsc},
    time::timeout,
};

use crate::idempotency;

use super::{
    McpErrorKind, Revision,
    calls::Calls,
    changes::Changed,
    handler::Handler,
    http::Http,
    http_client,
    process::LastLines,
    reading::Reading,
    settings::{Reach, Settings},
    words::{handshake_words, words},
};

/// How often a user is asked for one thing.
pub(super) const AUTHORIZATIONS: usize = 3;

/// A connection to a server. When it is dropped, it ends, and so does the server's process.
pub(super) struct Connection {
    service: RunningService<RoleClient, Handler>,
    pub(super) calls: Arc<Calls>,
    lines: LastLines,
    /// What knows the tokens, if the program authorizes by OAuth.
    authorized: Option<Arc<Mutex<AuthorizationManager>>>,
}

/// Why an attempt to connect failed.
enum Failed {
    Handshake(Box<ClientInitializeError>, LastLines),
    Other(McpErrorKind),
}

impl Connection {
    /// Connects. If the server does not know the newest revision, it is asked for an older one; if
    /// it wants an authorization, the user is asked.
    pub(super) async fn open(
        settings: &Arc<Settings>,
        changes: &mpsc::UnboundedSender<Changed>,
    ) -> Result<Self, McpErrorKind> {
        let authorized = manager(settings).await?;
        let mut mode = mode_of(settings.revision);
        let (mut asked, mut first) = (0, None);
        loop {
            let (failed, lines) = match Self::attempt(settings, changes, &authorized, mode.clone()).await {
                Ok(connection) => return Ok(connection),
                Err(Failed::Other(kind)) => return Err(kind),
                Err(Failed::Handshake(error, lines)) => (error, lines),
            };
            let challenge = failed.auth_challenge().map(str::to_owned);
            match (&challenge, &authorized) {
                (Some(challenge), Some(manager)) if asked < AUTHORIZATIONS => {
                    asked += 1;
                    authorize(settings, manager, challenge).await?;
                    continue;
                }
                _ => {}
            }
            if challenge.is_some() || failed.is_authorization_required() {
                return Err(McpErrorKind::Authorization(unauthorized(settings, &failed)));
            }
            // Some old servers answer the first question of the newest revision with no answer at
            // all, or end. A new connection begins with what they know.
            if let ClientLifecycleMode::Auto { .. } = mode {
                mode = ClientLifecycleMode::Initialize;
                first = Some(failed);
                continue;
            }
            return Err(not_connected(settings, first.as_deref(), &failed, &lines).await);
        }
    }

    async fn attempt(
        settings: &Arc<Settings>,
        changes: &mpsc::UnboundedSender<Changed>,
        authorized: &Option<Arc<Mutex<AuthorizationManager>>>,
        mode: ClientLifecycleMode,
    ) -> Result<Self, Failed> {
        let calls = Arc::<Calls>::default();
        let handler = Handler { settings: settings.clone(), calls: calls.clone(), changes: changes.clone() };
        let mut lines = LastLines::default();
        let limit = settings.connect_timeout;
        let served = match (&settings.reach, authorized) {
            (Reach::Process(process), _) => {
                let started = process.start().map_err(|error| {
                    let program = process.program.to_string_lossy().into_owned();
                    Failed::Other(McpErrorKind::Start { program, why: error.to_string() })
                })?;
                lines = started.1;
                timeout(limit, handler.serve_with_lifecycle(started.0, mode)).await
            }
            (Reach::Http(http), Some(manager)) => {
                let mut client = AuthClient::new(client()?, empty_manager(http).await?);
                client.auth_manager = manager.clone();
                let transport = StreamableHttpClientTransport::with_client(client, http.config());
                timeout(limit, handler.serve_with_lifecycle(transport, mode)).await
            }
            (Reach::Http(http), None) => {
                let transport = StreamableHttpClientTransport::with_client(client()?, http.config());
                timeout(limit, handler.serve_with_lifecycle(transport, mode)).await
            }
        };
        match served {
            Ok(Ok(service)) => Ok(Self { service, calls, lines, authorized: authorized.clone() }),
            Ok(Err(error)) => Err(Failed::Handshake(Box::new(error), lines)),
            Err(_) => {
                let last_lines = hidden(settings, lines.all().await);
                let (request, setting) = ("the handshake".to_owned(), "connect_timeout");
                Err(Failed::Other(McpErrorKind::Timeout { request, limit, setting, last_lines }))
            }
        }
    }

    /// Whom requests are sent to.
    pub(super) fn peer(&self) -> &Peer<RoleClient> {
        self.service.peer()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.service.is_closed() || self.service.is_transport_closed()
    }

    /// Whether the newest revision is spoken.
    pub(super) fn is_stateless(&self) -> bool {
        self.peer().peer_info().is_some_and(|info| !info.protocol_version.has_initialize())
    }

    /// Whether the server reads idempotency keys.
    pub(super) fn reads_keys(&self) -> bool {
        self.peer()
            .peer_info()
            .is_some_and(|info| idempotency::is_read(info.capabilities.experimental.as_ref()))
    }

    /// Asks the user for more rights. `false` if the program does not authorize by OAuth.
    pub(super) async fn authorize(&self, settings: &Settings, challenge: &str) -> Result<bool, McpErrorKind> {
        match &self.authorized {
            Some(manager) => authorize(settings, manager, challenge).await.map(|()| true),
            None => Ok(false),
        }
    }

    /// Sends a request that is no call. If the server wants more rights, the user is asked for
    /// them.
    pub(super) async fn ask<T, F>(
        &self,
        settings: &Settings,
        reads: Reading<'_>,
        send: impl Fn(Peer<RoleClient>) -> F,
    ) -> Result<T, McpErrorKind>
    where
        F: Future<Output = Result<T, ServiceError>>,
    {
        let (request, limit, setting) = reads.limited(settings);
        let mut users = 0;
        loop {
            let error = match timeout(limit, send(self.peer().clone())).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(ServiceError::TransportClosed)) => {
                    return Err(McpErrorKind::Ended { last_lines: self.last_lines(settings).await });
                }
                Ok(Err(error)) => error,
                Err(_) => {
                    let last_lines = hidden(settings, self.lines.so_far());
                    return Err(McpErrorKind::Timeout { request, limit, setting, last_lines });
                }
            };
            let challenge = error.auth_challenge().filter(|_| users < AUTHORIZATIONS);
            let is_authorized = match challenge {
                Some(challenge) => self.authorize(settings, challenge).await?,
                None => false,
            };
            users += 1;
            if !is_authorized {
                let why = settings.secrets.hide(&words(&error));
                return Err(match error.auth_challenge() {
                    Some(_) => McpErrorKind::Authorization(why),
                    None => McpErrorKind::Refused { request, why },
                });
            }
        }
    }

    /// The last lines that the server's process wrote, without secrets.
    pub(super) async fn last_lines(&self, settings: &Settings) -> Vec<String> {
        hidden(settings, self.lines.all().await)
    }

    /// Ends the connection, and waits until the server's process has ended.
    pub(super) async fn close(&mut self) {
        // A task that has panicked has ended, too.
        let _ = self.service.close().await;
    }
}

fn hidden(settings: &Settings, lines: Vec<String>) -> Vec<String> {
    lines.iter().map(|line| settings.secrets.hide(line)).collect()
}

fn mode_of(revision: Revision) -> ClientLifecycleMode {
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    match revision {
        Revision::Newest => ClientLifecycleMode::Auto {
            preferred_versions,
            legacy_version: Some(ProtocolVersion::LATEST_WITH_INITIALIZE),
        },
        Revision::Stateless => ClientLifecycleMode::Discover { preferred_versions },
        Revision::Initialized => ClientLifecycleMode::Initialize,
    }
}

fn client() -> Result<reqwest::Client, Failed> {
    http_client::client().map_err(|why| Failed::Other(McpErrorKind::Connect(why)))
}

/// For a client that gets another one.
async fn empty_manager(http: &Http) -> Result<AuthorizationManager, Failed> {
    let wrong = |error: rmcp::transport::AuthError| Failed::Other(McpErrorKind::Settings(error.to_string()));
    match &http.oauth {
        Some(oauth) => oauth.empty_manager(&http.url).map_err(wrong).await,
        None => Err(Failed::Other(McpErrorKind::Settings("no OAuth is set".to_owned()))),
    }
}

async fn manager(settings: &Settings) -> Result<Option<Arc<Mutex<AuthorizationManager>>>, McpErrorKind> {
    let Reach::Http(Http { url, oauth: Some(oauth), .. }) = &settings.reach else { return Ok(None) };
    let manager = oauth.manager(url).await;
    let manager =
        manager.map_err(|error| McpErrorKind::Authorization(settings.secrets.hide(&error.to_string())))?;
    Ok(Some(Arc::new(Mutex::new(manager))))
}

async fn authorize(
    settings: &Settings,
    manager: &Mutex<AuthorizationManager>,
    challenge: &str,
) -> Result<(), McpErrorKind> {
    let Reach::Http(Http { url, oauth: Some(oauth), .. }) = &settings.reach else { return Ok(()) };
    let done = oauth.authorize(url, manager, challenge).await;
    done.map_err(|error| McpErrorKind::Authorization(settings.secrets.hide(&error.to_string())))
}

fn unauthorized(settings: &Settings, error: &ClientInitializeError) -> String {
    let why = settings.secrets.hide(&handshake_words(error));
    let has_any = match &settings.reach {
        Reach::Http(http) => http.bearer.is_some() || http.oauth.is_some() || !http.headers.is_empty(),
        Reach::Process(_) => true,
    };
    match has_any {
        true => format!("the server refuses the authorization that was given ({why})"),
        false => {
            format!("the server wants an authorization ({why}): give it with `bearer`, `header` or `oauth`")
        }
    }
}

async fn not_connected(
    settings: &Settings,
    first: Option<&ClientInitializeError>,
    last: &ClientInitializeError,
    lines: &LastLines,
) -> McpErrorKind {
    let mut why = handshake_words(last);
    let earlier = first.map(handshake_words).filter(|earlier| *earlier != why);
    if let Some(earlier) = earlier {
        why = format!("asked for the newest revision: {earlier}; asked for an older one: {why}");
    }
    let said = super::error::said(&lines.all().await);
    McpErrorKind::Connect(settings.secrets.hide(&format!("{why}{said}")))
}
