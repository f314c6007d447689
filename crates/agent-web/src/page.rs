//! The page.

use axum::{
    http::header,
    response::{Html, IntoResponse},
};
use uuid::Uuid;

const HTML: &str = include_str!("page/page.html");
const CSS: &str = include_str!("page/page.css");
const JS: &str = include_str!("page/page.js");

/// The page, in one file. It holds nothing of any session: the script asks for that, and shows it as
/// text.
pub(crate) async fn page() -> impl IntoResponse {
    let nonce = Uuid::new_v4().simple().to_string();
    // No other script or style counts, nothing is loaded from elsewhere, and the script can't make
    // HTML from text.
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'"
    );
    let html = HTML.replace("NONCE", &nonce).replace("/*CSS*/", CSS).replace("/*JS*/", JS);
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(html))
}
