//! The page.

use agent_timeline::page as timeline;
use axum::{
    http::header,
    response::{Html, IntoResponse, Response},
};
use uuid::Uuid;

const HTML: &str = include_str!("page/page.html");
const CSS: &str = include_str!("page/page.css");
const JS: &str = include_str!("page/page.js");
const TIMELINE_HTML: &str = include_str!("page/timeline.html");
const TIMELINE_JS: &str = include_str!("page/timeline.js");

/// The page, in one file. It holds nothing of any session: the script asks for that, and shows it as
/// text.
pub(crate) async fn page() -> Response {
    answer("frame-src 'self'; frame-ancestors 'none'", |nonce| {
        HTML.replace("NONCE", nonce).replace("/*CSS*/", CSS).replace("/*JS*/", JS)
    })
}

/// The timeline of a session, in a frame of the page, because it has styles of its own.
pub(crate) async fn timeline() -> Response {
    answer("frame-ancestors 'self'", |nonce| {
        let html = TIMELINE_HTML.replace("NONCE", nonce).replace("<!--BODY-->", timeline::BODY);
        let html = html.replace("/*CSS*/", timeline::CSS);
        html.replace("/*JS*/", &[timeline::JS, TIMELINE_JS].concat())
    })
}

/// Answers with HTML whose scripts and styles have the nonce that it is made with.
fn answer(frames: &str, html: impl FnOnce(&str) -> String) -> Response {
    let nonce = Uuid::new_v4().simple().to_string();
    // No other script or style counts, nothing is loaded from elsewhere, and the script can't make
    // HTML from text.
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; {frames}; require-trusted-types-for 'script'"
    );
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(html(&nonce))).into_response()
}
