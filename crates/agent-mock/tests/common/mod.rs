//! What the tests over HTTP have in common.

use agent_core::script::Reply;
use agent_mock::{Mock, Scenario};
use reqwest::Response;

pub(crate) async fn server(replies: impl IntoIterator<Item = Reply>) -> Mock {
    Mock::start(Scenario::new(replies)).await.unwrap()
}

/// The status, the headers except those of HTTP itself, and the body.
pub(crate) async fn shown(response: Response) -> String {
    let mut lines = vec![response.status().as_str().to_owned()];
    for (name, value) in response.headers() {
        if !["date", "content-length", "transfer-encoding"].contains(&name.as_str()) {
            lines.push(format!("{name}: {}", value.to_str().unwrap()));
        }
    }
    lines[1..].sort();
    lines.push(String::new());
    lines.push(response.text().await.unwrap());
    lines.join("\n")
}
