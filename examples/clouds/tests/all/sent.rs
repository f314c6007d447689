//! What the programs send.

use std::sync::Arc;

use agent_llm::LlmErrorKind;
use gcp_auth::{Token, TokenProvider};
use reqsign_aws_v4::StaticCredentialProvider;
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::{
    aws_signature::Signed,
    common::{ask, hello, hi, received, server},
};

#[path = "../../examples/azure.rs"]
#[allow(dead_code)]
mod azure;
#[path = "../../examples/bedrock_sigv4.rs"]
#[allow(dead_code)]
mod bedrock_sigv4;
#[path = "../../examples/bedrock_token.rs"]
#[allow(dead_code)]
mod bedrock_token;
#[path = "../../examples/gateway.rs"]
#[allow(dead_code)]
mod gateway;
#[path = "../../examples/vertex.rs"]
#[allow(dead_code)]
mod vertex;

#[tokio::test]
async fn bedrock_by_token() {
    let server = server([hello()]).await;
    let url = format!("{}/anthropic", server.uri());
    assert_eq!(ask(&bedrock_token::bedrock(&url, "token-1").unwrap()).await.unwrap(), "Hello!");
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn bedrock_by_signature() {
    const ACCESS: (&str, &str) = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    // The first attempt fails: the second one is signed, too.
    let server = server([ResponseTemplate::new(529), hello()]).await;
    let url = format!("{}/anthropic", server.uri());
    let credentials = StaticCredentialProvider::new(ACCESS.0, ACCESS.1).with_session_token("session-token-1");
    let claude = bedrock_sigv4::bedrock(&url, "us-east-1", credentials).unwrap();
    assert_eq!(ask(&claude).await.unwrap(), "Hello!");
    assert!(!format!("{claude:?}").contains("wJalr"));
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 2);
    for request in requests {
        let sent = request.headers["authorization"].to_str().unwrap();
        let signed = sent.split_once("SignedHeaders=").unwrap().1.split(',').next().unwrap();
        for name in ["anthropic-version", "content-type", "host", "x-amz-content-sha256", "x-amz-date"] {
            assert!(signed.split(';').any(|header| header == name), "{name} is not in {signed}");
        }
        assert_eq!(request.headers["x-amz-security-token"], "session-token-1");
        let (method, query) = (request.method.as_str(), request.url.query().unwrap_or_default());
        let (path, headers, body) = (request.url.path(), &request.headers, request.body.as_slice());
        let again = Signed { method, path, query, headers, body };
        assert_eq!(sent, again.authorization(ACCESS, ("us-east-1", "bedrock-mantle"), signed));
    }
}

/// Gives a token that is worth nothing.
struct Provider;

#[agent_core::async_trait]
impl TokenProvider for Provider {
    async fn token(&self, scopes: &[&str]) -> Result<Arc<Token>, gcp_auth::Error> {
        assert_eq!(scopes, ["https://www.googleapis.com/auth/cloud-platform"]);
        let token = json!({"access_token": "google-token-1", "expires_in": 3600});
        Ok(Arc::new(serde_json::from_value(token).unwrap()))
    }

    async fn project_id(&self) -> Result<Arc<str>, gcp_auth::Error> {
        Ok("project-1".into())
    }
}

#[tokio::test]
async fn vertex_streamed_whole_and_counted() {
    let whole = json!({"content": [{"type": "text", "text": "Hello!"}], "stop_reason": "end_turn"});
    let [whole, count] =
        [whole, json!({"input_tokens": 3})].map(|json| ResponseTemplate::new(200).set_body_json(json));
    let server = server([hello(), whole, count]).await;
    let url = format!("{}/v1/projects/project-1/locations/us-east5", server.uri());
    let claude = vertex::vertex(&url, Arc::new(Provider)).unwrap();
    assert_eq!(ask(&claude).await.unwrap(), "Hello!");
    let whole = claude.with(|settings| settings.streaming(false)).unwrap();
    assert_eq!(ask(&whole).await.unwrap(), "Hello!");
    assert_eq!(claude.count_tokens(&hi()).await.unwrap(), 3);
    insta::assert_snapshot!(received(&server).await);
    let error = claude.batches().create([hi()]).await.unwrap_err();
    assert_eq!(error.kind, LlmErrorKind::Configuration);
    assert_eq!(error.message, "Vertex AI has no v1/messages/batches");
}

#[tokio::test]
async fn a_gateway_whose_token_expires() {
    let token = |token: &str, seconds: u64| {
        let token = json!({"access_token": token, "expires_in": seconds});
        ResponseTemplate::new(200).set_body_json(token)
    };
    // The first one is too old already for a second attempt. The second one is used again.
    let tokens = server([token("token-1", 30), token("token-2", 3600)]).await;
    let server = server([ResponseTemplate::new(529), hello()]).await;
    let claude = gateway::gateway(&server.uri(), &tokens.uri(), "client-secret-1").unwrap();
    for _ in 0..2 {
        assert_eq!(ask(&claude).await.unwrap(), "Hello!");
    }
    assert!(!format!("{claude:?}").contains("secret"));
    let sent = server.received_requests().await.unwrap();
    let sent: Vec<&str> =
        sent.iter().map(|request| request.headers["authorization"].to_str().unwrap()).collect();
    assert_eq!(sent, ["Bearer token-1", "Bearer token-2", "Bearer token-2"]);
    insta::assert_snapshot!(received(&tokens).await);
}

#[tokio::test]
async fn a_gateway_whose_token_server_refuses_the_secret() {
    let tokens = server([ResponseTemplate::new(401).set_body_json(json!({"error": "invalid_client"}))]).await;
    let server = server([hello()]).await;
    let claude = gateway::gateway(&server.uri(), &tokens.uri(), "client-secret-1").unwrap();
    let error = ask(&claude).await.unwrap_err();
    assert_eq!(error.kind, LlmErrorKind::Configuration);
    assert_eq!(tokens.received_requests().await.unwrap().len(), 1);
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn openai_on_azure() {
    let message = json!({"role": "assistant", "content": "Hello!"});
    let chunk = json!({"choices": [{"index": 0, "delta": message, "finish_reason": "stop"}]});
    let reply = ResponseTemplate::new(200)
        .set_body_raw(format!("data: {chunk}\n\ndata: [DONE]\n\n"), "text/event-stream");
    let server = server([reply]).await;
    let openai = azure::azure(&server.uri(), "my-gpt", "azure-key-1").unwrap();
    assert_eq!(ask(&openai).await.unwrap(), "Hello!");
    insta::assert_snapshot!(received(&server).await);
}
