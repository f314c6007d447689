//! Checks each request before it reaches a route.

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, OriginalUri, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::Access;
use crate::refusal;

/// What may be done with a request.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Admitted,
    /// The token was in the address: the browser gets the cookie, and an address without the token.
    Introduced(String),
    Refused(StatusCode, &'static str),
}

const NO_TOKEN: &str = "This page needs its token. Open the address that the program printed when it started. A \
    program sends the header `Authorization: Bearer TOKEN`.";
const HOST: &str = "This host name is not allowed here. Use the address that the program printed, or allow the \
    name with Access::allow_host.";
const ORIGIN: &str = "A page of another address may not ask this.";
const NO_ORIGIN: &str = "A change by the token of a cookie needs the header `Origin`. A program sends the header \
    `Authorization: Bearer TOKEN`.";
const REMOTE: &str = "Only this machine may ask this. For other machines, allow the name of this one with \
    Access::allow_host.";
const UNKNOWN_PEER: &str = "Without a token only this machine may ask, and this program does not know which machine \
    asks. Serve the routes with into_make_service_with_connect_info::<SocketAddr>(), or allow your host with \
    Access::allow_host.";

/// Answers requests that are not admitted, and sets the headers that every answer has.
pub(crate) async fn guard(State(access): State<Access>, request: Request, next: Next) -> Response {
    let opens_page = text(request.headers(), header::ACCEPT).is_some_and(|types| types.contains("text/html"));
    let mut response = match access.judge(&request) {
        Verdict::Admitted => next.run(request).await,
        Verdict::Introduced(cookie) => {
            let uri = request.extensions().get::<OriginalUri>().map_or(request.uri(), |OriginalUri(uri)| uri);
            let location = without_query(uri.path());
            (StatusCode::SEE_OTHER, [(header::LOCATION, location), (header::SET_COOKIE, &*cookie)])
                .into_response()
        }
        Verdict::Refused(status, why) if opens_page => (status, why).into_response(),
        Verdict::Refused(status, why) => refusal::said(status, why),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        ("cache-control", "no-store"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "SAMEORIGIN"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The same address without its query, seen from itself. A server in front may have taken the
/// beginning of the path away, so the whole path is not known here.
fn without_query(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some((_, last)) if !last.is_empty() => last,
        _ => "./",
    }
}

impl Access {
    fn judge(&self, request: &Request) -> Verdict {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let is_local = peer.map(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback());
        let refused = match is_local {
            Some(false) => Some(REMOTE),
            // Anybody who reaches the port can write `Host: localhost`.
            None if self.0.token.is_none() => Some(UNKNOWN_PEER),
            _ => None,
        };
        if let Some(why) = refused.filter(|_| self.0.hosts.is_empty()) {
            return Verdict::Refused(StatusCode::FORBIDDEN, why);
        }
        let headers = request.headers();
        let host = text(headers, header::HOST).or(request.uri().authority().map(|host| host.as_str()));
        let Some(host) = host.filter(|host| self.is_allowed_host(split(host).0)) else {
            return Verdict::Refused(StatusCode::FORBIDDEN, HOST);
        };
        let origin = headers.get(header::ORIGIN).map(|origin| is_same(origin, host));
        let site = text(headers, "sec-fetch-site");
        let changes = ![Method::GET, Method::HEAD].contains(request.method());
        if origin == Some(false) || (changes && site.is_some_and(|site| site != "same-origin")) {
            return Verdict::Refused(StatusCode::FORBIDDEN, ORIGIN);
        }
        let port = split(host).1.unwrap_or("80");
        self.judge_token(request, port, changes && origin.is_none())
    }

    /// Judges by the token. `by_header` says that a cookie is not enough.
    fn judge_token(&self, request: &Request, port: &str, by_header: bool) -> Verdict {
        let headers = request.headers();
        let bearer = text(headers, header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        if bearer.is_some_and(|token| self.is_token(token)) {
            return Verdict::Admitted;
        }
        if self.0.token.is_none() {
            return Verdict::Admitted;
        }
        // Cookies don't tell ports apart, and there may be several such pages on one machine.
        let name = format!("agent_web_{port}");
        let in_address = request.uri().query().and_then(|query| value_of(query.split('&'), "token"));
        if let (Some(token), &Method::GET, "/") = (in_address, request.method(), request.uri().path()) {
            return match self.is_token(token) {
                true => {
                    let secure = if is_https(headers) { "; Secure" } else { "" };
                    Verdict::Introduced(format!("{name}={token}; Path=/; HttpOnly; SameSite=Strict{secure}"))
                }
                false => Verdict::Refused(StatusCode::UNAUTHORIZED, NO_TOKEN),
            };
        }
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut cookies = cookies.flat_map(|cookies| cookies.split(';'));
        // Pages at other ports may set cookies of this name, too, for other paths.
        let is_known = cookies
            .any(|cookie| value_of([cookie].into_iter(), &name).is_some_and(|token| self.is_token(token)));
        match (is_known, by_header) {
            (true, false) => Verdict::Admitted,
            (true, true) => Verdict::Refused(StatusCode::FORBIDDEN, NO_ORIGIN),
            (false, _) => Verdict::Refused(StatusCode::UNAUTHORIZED, NO_TOKEN),
        }
    }
}

fn text(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Whether a server in front speaks TLS with the browser, and says so.
fn is_https(headers: &HeaderMap) -> bool {
    let proto = text(headers, "x-forwarded-proto").and_then(|all| all.split(',').next());
    let forwarded = text(headers, "forwarded").and_then(|all| all.split(',').next());
    let forwarded = forwarded.and_then(|first| value_of(first.split(';'), "proto"));
    [proto, forwarded]
        .into_iter()
        .flatten()
        .any(|proto| proto.trim().trim_matches('"').eq_ignore_ascii_case("https"))
}

/// The value of the first `name=value`.
fn value_of<'a>(mut pairs: impl Iterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The name and the port in a `Host`.
fn split(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    }
}

/// Whether an origin is the host that was asked.
fn is_same(origin: &HeaderValue, host: &str) -> bool {
    let origin = origin.to_str().unwrap_or_default();
    let of = origin.strip_prefix("http://").or(origin.strip_prefix("https://"));
    of.is_some_and(|origin| origin.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    /// The verdict about a request of this method and path with these headers: a status, `admitted`
    /// or the cookie.
    fn check(access: &Access, asked: &str, headers: &[(&str, &str)], expected: &str) {
        let (method, path) = asked.split_once(' ').unwrap();
        let mut request = axum::http::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let verdict = match access.judge(&request.body(axum::body::Body::empty()).unwrap()) {
            Verdict::Admitted => "admitted".to_owned(),
            Verdict::Introduced(cookie) => cookie,
            Verdict::Refused(status, _) => status.as_u16().to_string(),
        };
        assert_eq!(verdict, expected, "{asked} {headers:?}");
    }

    fn access() -> Access {
        Access::new().with_token(TOKEN).unwrap()
    }

    const BEARER: (&str, &str) = ("authorization", "Bearer 0123456789abcdef");
    const COOKIE: (&str, &str) = ("cookie", "a=b; agent_web_3000=0123456789abcdef");
    const HOST: (&str, &str) = ("host", "127.0.0.1:3000");

    #[test]
    fn a_token_is_in_a_header_or_a_cookie_or_once_in_the_address() {
        let check = |asked, headers: &[_], expected| check(&access(), asked, headers, expected);
        check("GET /", &[HOST], "401");
        check("GET /sessions", &[HOST, BEARER], "admitted");
        check("GET /sessions", &[HOST, COOKIE], "admitted");
        check("GET /sessions", &[HOST, ("authorization", "Bearer 0123456789abcdeF")], "401");
        check("GET /sessions", &[HOST, ("authorization", "Bearer 0123456789abcde")], "401");
        check("GET /sessions", &[HOST, ("cookie", "agent_web_3001=0123456789abcdef")], "401");
        check("GET /sessions", &[HOST, ("cookie", "xagent_web_3000=0123456789abcdef")], "401");
        check("GET /sessions", &[HOST, ("cookie", "agent_web_3000=")], "401");
        let two = ("cookie", "agent_web_3000=of another page; agent_web_3000=0123456789abcdef");
        check("GET /sessions", &[HOST, two], "admitted");
        let cookie = "agent_web_3000=0123456789abcdef; Path=/; HttpOnly; SameSite=Strict";
        check("GET /?token=0123456789abcdef", &[HOST], cookie);
        check("GET /?a=b&token=0123456789abcdef", &[HOST], cookie);
        check("GET /?token=0123456789abcdee", &[HOST], "401");
        check("GET /?token=", &[HOST, COOKIE], "401");
        check("GET /sessions?token=0123456789abcdef", &[HOST], "401");
        check("POST /?token=0123456789abcdef", &[HOST, ("origin", "http://127.0.0.1:3000")], "401");
    }

    #[test]
    fn a_host_that_is_not_this_machine_is_refused() {
        let on =
            |access: &Access, host, expected| check(access, "GET /", &[("host", host), BEARER], expected);
        let local = access();
        for host in ["localhost", "LOCALHOST:1", "127.0.0.1", "127.8.9.1:3000", "[::1]", "[::1]:3000"] {
            on(&local, host, "admitted");
        }
        for host in ["evil.example", "localhost.evil.example:3000", "10.0.0.1", "[::2]:3000", "", "0.0.0.0"] {
            on(&local, host, "403");
        }
        check(&local, "GET /", &[BEARER], "403");
        let named = access().allow_host("Agents.example.com");
        on(&named, "agents.example.com", "admitted");
        on(&named, "agents.example.com:8443", "admitted");
        on(&named, "other.example.com", "403");
    }

    #[test]
    fn a_page_of_another_origin_is_refused_and_a_change_by_cookie_needs_an_origin() {
        let check = |asked, headers: &[_], expected| check(&access(), asked, headers, expected);
        let own = ("origin", "http://127.0.0.1:3000");
        check("POST /sessions/s/cancel", &[HOST, COOKIE, own], "admitted");
        check("POST /sessions/s/cancel", &[HOST, COOKIE, own, ("sec-fetch-site", "same-origin")], "admitted");
        check("POST /sessions/s/cancel", &[HOST, BEARER], "admitted");
        check("POST /sessions/s/cancel", &[HOST, COOKIE], "403");
        // The token is what is missing first.
        check("POST /sessions/s/cancel", &[HOST], "401");
        check("POST /sessions/s/cancel", &[HOST, ("cookie", "agent_web_3000=0123456789abcdee")], "401");
        let others = ["http://evil.example", "http://127.0.0.1:3001", "http://localhost:3000", "null", ""];
        for other in others {
            check("POST /sessions/s/cancel", &[HOST, COOKIE, ("origin", other)], "403");
            check("POST /sessions/s/cancel", &[HOST, BEARER, ("origin", other)], "403");
            check("GET /sessions", &[HOST, COOKIE, ("origin", other)], "403");
        }
        for site in ["cross-site", "same-site", "none"] {
            check("POST /sessions/s/cancel", &[HOST, COOKIE, own, ("sec-fetch-site", site)], "403");
        }
        check("GET /", &[HOST, COOKIE, ("sec-fetch-site", "cross-site")], "admitted");
    }

    #[test]
    fn a_program_with_a_login_of_its_own_needs_no_token() {
        let open = access().without_token();
        // Nothing says that this machine asks.
        check(&open, "GET /sessions", &[HOST], "403");
        let open = open.allow_host("agents.example.com");
        check(&open, "GET /sessions", &[HOST], "admitted");
        check(&open, "POST /sessions/s/cancel", &[HOST, ("origin", "http://127.0.0.1:3000")], "admitted");
        check(&open, "POST /sessions/s/cancel", &[HOST, ("origin", "http://evil.example")], "403");
        check(&open, "GET /sessions", &[("host", "evil.example")], "403");
    }

    #[test]
    fn another_machine_is_refused_where_the_server_tells_who_asks() {
        let from = |peer: &str| {
            let mut request = axum::http::Request::get("/").header(HOST.0, HOST.1).header(BEARER.0, BEARER.1);
            let peers = request.extensions_mut().unwrap();
            peers.insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
            request.body(axum::body::Body::empty()).unwrap()
        };
        let (far, near) = (from("10.0.0.7:999"), from("[::ffff:127.0.0.1]:999"));
        for access in [access(), access().without_token()] {
            assert_eq!(access.judge(&far), Verdict::Refused(StatusCode::FORBIDDEN, REMOTE));
            assert_eq!(access.judge(&near), Verdict::Admitted);
            assert_eq!(access.allow_host("a.example").judge(&far), Verdict::Admitted);
        }
    }

    #[test]
    fn a_cookie_of_a_page_behind_tls_is_not_sent_without_it() {
        let secure = "agent_web_80=0123456789abcdef; Path=/; HttpOnly; SameSite=Strict; Secure";
        let access = access().allow_host("a.example");
        let check = |header, expected| {
            check(&access, "GET /?token=0123456789abcdef", &[("host", "a.example"), header], expected);
        };
        check(("x-forwarded-proto", "https"), secure);
        check(("x-forwarded-proto", "HTTPS, http"), secure);
        check(("forwarded", "for=1.2.3.4;proto=https;by=x"), secure);
        let plain = secure.strip_suffix("; Secure").unwrap();
        check(("x-forwarded-proto", "http"), plain);
        check(("forwarded", "for=1.2.3.4"), plain);
    }

    #[test]
    fn the_address_without_its_query_is_right_behind_a_server_that_takes_a_prefix_away() {
        for (path, expected) in
            [("/", "./"), ("/agents/", "./"), ("/agents", "agents"), ("/a/b", "b"), ("", "./")]
        {
            assert_eq!(without_query(path), expected, "{path}");
        }
    }

    #[test]
    fn tokens_that_can_be_guessed_are_refused_and_new_ones_differ() {
        for token in ["", "short", "0123456789abcde", "0123456789abcdef;", "0123456789 abcdef"] {
            assert!(Access::new().with_token(token).is_err(), "{token}");
        }
        let (one, other) = (Access::new(), Access::new());
        assert_ne!(one.token(), other.token());
        assert!(!format!("{one:?}").contains(one.token().unwrap()));
        assert_eq!(access().url("http://127.0.0.1:1/"), "http://127.0.0.1:1/?token=0123456789abcdef");
    }
}
