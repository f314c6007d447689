//! Who may use the page.

mod guard;

use std::{fmt, net::IpAddr, sync::Arc};

pub(crate) use guard::guard;
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// Who may use the routes of [`router`](crate::router). They show what agents were told and let
/// people approve calls, so by default only a browser on this machine that knows a token may use
/// them.
///
/// Each request is checked:
///
/// - Its `Host` must be a name of this machine (`localhost`, `127.0.0.1`, `[::1]`), or one that was
///   [allowed](Self::allow_host). So a page of somebody else can't reach these routes by a name that
///   it points here (DNS rebinding).
/// - Its `Origin`, if it has one, must be the same as its `Host`. So a page of somebody else can't
///   approve a call (CSRF). A request that changes something must have one, unless it has the token
///   in a header.
/// - It must have the token, as `Authorization: Bearer TOKEN` or in a cookie. A browser gets the
///   cookie from the first address that it opens, which [`url`](Self::url) returns. The cookie is
///   `HttpOnly` and `SameSite=Strict`.
///
/// - It must come from this machine, unless a host was allowed. This is known only where the routes are
///   served with `into_make_service_with_connect_info::<SocketAddr>()`. Elsewhere the token protects
///   them, and without a token they refuse everybody until a host is allowed.
///
/// Serve the routes on a loopback address. For other machines, put a server with TLS in front, since
/// the token is sent as it is. If it says so (`X-Forwarded-Proto: https`), the cookie is `Secure`.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    /// `None` if the program checks by itself who asks.
    token: Option<String>,
    /// Names of hosts beside those of this machine, in small letters.
    hosts: Vec<String>,
}

/// The error for a token that is too easy to guess, or that no address can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this can't be a token: use at least {} letters and digits (also - and _), or Access::new, which makes one",
    MIN_TOKEN
)]
pub struct InvalidToken;

/// The shortest token that a program may choose.
const MIN_TOKEN: usize = 16;

impl Access {
    /// Access from this machine only, with a new random token.
    pub fn new() -> Self {
        let token = Some(Uuid::new_v4().simple().to_string());
        Self(Arc::new(Inner { token, hosts: Vec::new() }))
    }

    /// Sets the token, for example one that several processes share. It must have at least 16
    /// characters, all of them letters, digits, `-` or `_`.
    pub fn with_token(self, token: &str) -> Result<Self, InvalidToken> {
        let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if token.len() < MIN_TOKEN || !token.bytes().all(is_safe) {
            return Err(InvalidToken);
        }
        Ok(self.change(|inner| inner.token = Some(token.to_owned())))
    }

    /// Asks for no token. Use it only if your program checks by itself who asks, for example with a
    /// login in a layer around the routes. `Host` and `Origin` are still checked. If no host is
    /// [allowed](Self::allow_host) either, the routes must be served with
    /// `into_make_service_with_connect_info::<SocketAddr>()`, so that only this machine can ask.
    pub fn without_token(self) -> Self {
        self.change(|inner| inner.token = None)
    }

    /// Also allows requests to this host, for example `agents.example.com`. Ports don't matter.
    pub fn allow_host(self, name: &str) -> Self {
        self.change(|inner| inner.hosts.push(name.to_ascii_lowercase()))
    }

    /// The token; `None` after [`without_token`](Self::without_token).
    pub fn token(&self) -> Option<&str> {
        self.0.token.as_deref()
    }

    /// The address to open in a browser, with the token. `page` is the address of the page without
    /// it, for example `http://127.0.0.1:3000/`. Whoever knows the address can do all that the page
    /// can.
    pub fn url(&self, page: &str) -> String {
        match self.token() {
            Some(token) => format!("{page}?token={token}"),
            None => page.to_owned(),
        }
    }

    /// Compares in constant time, so that the time says nothing about the token.
    fn is_token(&self, given: &str) -> bool {
        self.token().is_none_or(|token| token.as_bytes().ct_eq(given.as_bytes()).into())
    }

    fn is_allowed_host(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        name == "localhost"
            || address.is_ok_and(|address| address.is_loopback())
            || self.0.hosts.contains(&name)
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

impl Default for Access {
    fn default() -> Self {
        Self::new()
    }
}

/// Does not show the token.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_token = self.0.token.is_some();
        f.debug_struct("Access").field("has_token", &has_token).field("hosts", &self.0.hosts).finish()
    }
}
