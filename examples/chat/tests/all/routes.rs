//! What a page asks for and gets.

use agent_core::{
    Agent, LlmError, Request,
    model::LlmErrorKind,
    script::{Reply, Script},
};
use axum::{
    Router,
    body::{Body, BodyDataStream},
    http::{self, Response, StatusCode, header},
};
use chat::chat;
use futures::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::held::Model;

/// A page of a conversation.
struct Page {
    app: Router,
    path: String,
}

impl Page {
    /// Begins a conversation.
    async fn open(app: Router) -> Self {
        let mut page = Self { app, path: String::new() };
        let begun = page.get("/", None).await;
        page.path = begun.headers()[header::LOCATION].to_str().unwrap().to_owned();
        page
    }

    async fn held() -> (Model, Self) {
        let (model, agent) = Model::agent();
        (model, Self::open(chat(agent)).await)
    }

    async fn ask(&self, request: http::request::Builder, body: String) -> Response<Body> {
        self.app.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()
    }

    async fn get(&self, path: &str, last: Option<usize>) -> Response<Body> {
        let request = http::Request::get(format!("{}{path}", self.path));
        let request = match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        };
        self.ask(request, String::new()).await
    }

    async fn post(&self, path: &str, body: Value) -> StatusCode {
        let request = http::Request::post(format!("{}{path}", self.path));
        self.ask(request.header("content-type", "application/json"), body.to_string()).await.status()
    }

    async fn say(&self, text: &str) -> StatusCode {
        self.post("/messages", json!({"text": text})).await
    }

    /// The frames after this one, or all.
    async fn frames(&self, last: Option<usize>) -> Frames {
        let response = self.get("/events", last).await;
        assert_eq!(response.status(), StatusCode::OK);
        Frames { body: response.into_body().into_data_stream(), text: String::new() }
    }
}

/// Server-sent events as they come.
struct Frames {
    body: BodyDataStream,
    text: String,
}

impl Frames {
    /// Reads as many frames as are expected: of each its number, its name and what matters of its data.
    async fn expect(&mut self, expected: &[&str]) {
        for expected in expected {
            while !self.text.contains("\n\n") {
                let more = self.body.next().await.unwrap().unwrap();
                self.text += std::str::from_utf8(&more).unwrap();
            }
            let (frame, rest) = self.text.split_once("\n\n").unwrap();
            let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
            let data: Value = serde_json::from_str(field("data:")).unwrap();
            let data = data.get("error").or(data.get("text")).or(data.get("tool")).and_then(Value::as_str);
            let read = format!("{} {}: {}", field("id:"), field("event:"), data.unwrap_or_default().trim());
            assert_eq!(read.trim(), *expected);
            self.text = rest.to_owned();
        }
    }
}

#[tokio::test]
async fn a_page_that_comes_late_or_was_cut_off_reads_what_it_has_not() {
    let (mut model, page) = Page::held().await;
    let mut first = page.frames(None).await;
    assert_eq!(page.say("How many?").await, StatusCode::ACCEPTED);
    model.say(&Reply::text("One two three"), "two");
    first.expect(&["0 said: How many?", "1 words: One", "2 words: two"]).await;
    drop(first);
    model.end();
    let all = ["0 said: How many?", "1 words: One", "2 words: two", "3 words: three", "4 end:"];
    page.frames(None).await.expect(&all).await;
    page.frames(Some(2)).await.expect(&all[3..]).await;
}

#[tokio::test]
async fn a_call_is_shown_with_its_progress() {
    let (mut model, page) = Page::held().await;
    let mut frames = page.frames(None).await;
    page.say("Books?").await;
    model.say_all(&Reply::call("search", json!({})));
    frames.expect(&["0 said: Books?", "1 call: search", "2 progress: shelf 1 of 2"]).await;
    model.found.notify_one();
    model.say_all(&Reply::text("Two."));
    frames.expect(&["3 result: Two books.", "4 words: Two.", "5 end:"]).await;
}

#[tokio::test]
async fn who_speaks_while_the_agent_does_is_told_so_and_can_stop_it() {
    let (mut model, page) = Page::held().await;
    let mut frames = page.frames(None).await;
    page.say("Count.").await;
    model.say(&Reply::text("One two three"), "One");
    frames.expect(&["0 said: Count.", "1 words: One"]).await;
    assert_eq!(page.say("Faster!").await, StatusCode::CONFLICT);
    assert_eq!(page.post("/stop", json!(null)).await, StatusCode::NO_CONTENT);
    frames.expect(&["2 end: stopped"]).await;
    assert_eq!(page.say("Thanks.").await, StatusCode::ACCEPTED);
    model.say_all(&Reply::text("Gladly."));
    frames.expect(&["3 said: Thanks.", "4 words: Gladly.", "5 end:"]).await;
}

#[tokio::test]
async fn a_model_that_fails_is_shown_and_the_conversation_goes_on() {
    let (mut model, page) = Page::held().await;
    let mut frames = page.frames(None).await;
    page.say("Hello?").await;
    model.fail(LlmError::new(LlmErrorKind::Overloaded, "come back later"));
    let failed =
        r#"1 end: agent "librarian" got no answer: the model's server is overloaded: come back later"#;
    frames.expect(&["0 said: Hello?", failed]).await;
    page.say("Hello again?").await;
    model.say_all(&Reply::text("Hello!"));
    frames.expect(&["2 said: Hello again?", "3 words: Hello!", "4 end:"]).await;
}

#[tokio::test]
async fn conversations_know_nothing_of_each_other() {
    let app = chat(Agent::builder("echo", Script::by(echo)).build().unwrap());
    let (one, two) = (Page::open(app.clone()).await, Page::open(app).await);
    one.say("One.").await;
    two.say("Two.").await;
    one.frames(None).await.expect(&["0 said: One.", "1 words: 1:One.", "2 end:"]).await;
    two.frames(None).await.expect(&["0 said: Two.", "1 words: 1:Two.", "2 end:"]).await;
}

/// In one word, so that it comes in one frame.
fn echo(request: &Request) -> Reply {
    Reply::text(format!("{}:{}", request.messages.len(), request.last_text()))
}

#[tokio::test]
async fn what_is_no_message_of_a_conversation_is_refused() {
    let (_model, page) = Page::held().await;
    assert_eq!(page.say(" \n").await, StatusCode::UNPROCESSABLE_ENTITY);
    // A form of another site could send this.
    let form = http::Request::post(format!("{}/messages", page.path)).header("content-type", "text/plain");
    let status = page.ask(form, json!({"text": "Hi."}).to_string()).await.status();
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);

    let nobody = Page { path: "/chat/4fdd4c4e-6a3c-4f29-a1b6-5a5c4b0a2d6e".to_owned(), ..page };
    assert_eq!(nobody.say("Hi.").await, StatusCode::NOT_FOUND);
    assert_eq!(nobody.get("/events", None).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(nobody.get("", None).await.status(), StatusCode::NOT_FOUND);
}
