//! OpenAI's models on Azure, and the list of models.

use std::time::{Duration, SystemTime};

use agent_llm::{Key, OpenAi};
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::common::{CHAT, KEY, ask, server};

#[tokio::test]
async fn azure_has_its_key_in_a_header_of_its_own_and_the_version_in_the_query() {
    let server = server([CHAT.reply("Hi.", &[])]).await;
    let url = format!("{}/openai/deployments/gpt?api-version=2024-10-21", server.uri());
    let key = Key::in_header("api-key", KEY);
    ask(OpenAi::builder().base_url(url).key(key).chat()).await.unwrap();
    let request = &server.received_requests().await.unwrap()[0];
    assert_eq!(request.url.path(), "/openai/deployments/gpt/chat/completions");
    assert_eq!(request.url.query(), Some("api-version=2024-10-21"));
    assert_eq!(request.headers["api-key"], KEY);
    assert!(!request.headers.contains_key("authorization"));
}

#[tokio::test]
async fn models_are_listed() {
    let model =
        json!({"id": "gpt-6-luna", "object": "model", "created": 1_700_000_000, "owned_by": "openai"});
    let list = ResponseTemplate::new(200).set_body_json(json!({"object": "list", "data": [model]}));
    let server = server([list]).await;
    let models = CHAT.settings(server.uri()).build().unwrap().models().await.unwrap();
    let created = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    assert_eq!((models[0].id.as_str(), models[0].created), ("gpt-6-luna", Some(created)));
    assert!(models[0].json.text().contains("owned_by"));
    let request = &server.received_requests().await.unwrap()[0];
    assert_eq!((request.method.as_str(), request.url.path()), ("GET", "/models"));
}
