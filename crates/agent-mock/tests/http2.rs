//! The server over HTTP/2, without TLS.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use agent_core::script::Reply;
use agent_mock::{Fault, Mock, Scenario};
use reqwest::{Client, Response, Version};
use serde_json::json;

const HTTP2: Version = Version::HTTP_2;

fn client(version: Version) -> Client {
    // The server does not speak TLS. reqwest needs a provider all the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().tls_certs_only([]);
    if version == HTTP2 { client.http2_prior_knowledge() } else { client.http1_only() }.build().unwrap()
}

async fn ask(client: &Client, server: &Mock, stream: bool) -> reqwest::Result<Response> {
    let said = json!([{"role": "user", "content": "Hi."}]);
    let body = json!({"model": "m", "max_tokens": 9, "messages": said, "stream": stream}).to_string();
    let asked = client.post(server.url() + "/v1/messages").header("x-api-key", "any").body(body);
    asked.header("anthropic-version", "2026-10-21").send().await
}

/// What a server with this scenario answers to a first request: the HTTP version, and the text or
/// what went wrong.
async fn said(
    scenario: &Scenario,
    version: Version,
    stream: bool,
) -> (Version, Result<String, &'static str>) {
    let server = Mock::start(scenario.clone()).await.unwrap();
    match ask(&client(version), &server, stream).await {
        Ok(response) => (response.version(), response.text().await.map_err(|_| "no end")),
        Err(_) => (version, Err("no answer")),
    }
}

#[tokio::test]
async fn answers_are_the_same_in_both_versions() {
    let scenario = Scenario::new([Reply::text("One, two.")]);
    let faults = [Fault::status(529), Fault::hang_up(), Fault::cut(40), Fault::end(40)];
    let scenarios = faults.map(|fault| scenario.clone().fault(0, [fault]));
    for scenario in [scenario].iter().chain(&scenarios) {
        for stream in [true, false] {
            let (one, two) =
                (said(scenario, Version::HTTP_11, stream).await, said(scenario, HTTP2, stream).await);
            assert_eq!((two.0, two.1), (HTTP2, one.1), "{scenario:?}, streamed: {stream}");
        }
    }
}

#[tokio::test]
async fn a_server_that_is_dropped_ends_its_streams() {
    let server =
        Mock::start(Scenario::new([Reply::text("Hi.")]).fault(0, [Fault::silence(9)])).await.unwrap();
    let client = client(HTTP2);
    let mut response = ask(&client, &server, true).await.unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap().len(), 9);
    drop(server);
    let end = tokio::time::timeout(Duration::from_secs(60), response.chunk()).await.unwrap();
    assert!(end.is_err(), "{end:?}");
}
