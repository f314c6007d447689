//! What the routes answer.

use std::{sync::Arc, time::Duration};

use agent_journal::Journal;
use agent_web::{Access, router};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use futures::StreamExt;
use insta::assert_snapshot;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::team::{clerk, run};

/// What an attacker would write into a name that a page shows.
const HOSTILE: &str = "</script><img src=x onerror=\"document.title='hacked'\">\u{202e}";

/// Routes for a journal in which a clerk waits, and the folder of the journal.
async fn waiting(to: &str) -> (Router, Journal, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.journal");
    run(&file, clerk(to, Duration::ZERO)).await;
    let journal = Journal::open(&file).unwrap();
    (router(Arc::new(journal.clone()), &open()), journal, folder)
}

/// Access without a token, as behind a login.
fn open() -> Access {
    Access::new().without_token().allow_host("agents.example")
}

async fn ask(routes: &Router, request: Request<Body>) -> (StatusCode, String) {
    let answer = routes.clone().oneshot(request).await.unwrap();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn read(routes: &Router, path: &str) -> (StatusCode, String) {
    ask(routes, Request::get(path).header("host", "localhost").body(Body::empty()).unwrap()).await
}

async fn post(routes: &Router, path: &str, body: Value) -> (StatusCode, String) {
    let request = Request::post(path).header("host", "localhost").header("origin", "http://localhost");
    let request = request.header("content-type", "application/json").body(Body::from(body.to_string()));
    ask(routes, request.unwrap()).await
}

/// The JSON without times.
fn fixed(text: &str) -> String {
    let mut value: Value = serde_json::from_str(text).unwrap();
    let sessions = match &mut value {
        Value::Array(all) => all.iter_mut().collect(),
        value => vec![&mut value["session"]],
    };
    for session in sessions {
        for time in ["began_ms", "changed_ms", "last_event"] {
            assert!(session[time].as_u64().unwrap() > 0);
            session.as_object_mut().unwrap().remove(time);
        }
    }
    serde_json::to_string_pretty(&value).unwrap()
}

#[tokio::test]
async fn sessions_are_listed_and_read() {
    let (routes, _, _folder) = waiting("Ada").await;
    let (status, list) = read(&routes, "/sessions").await;
    assert_eq!(status, StatusCode::OK);
    assert_snapshot!(fixed(&list), @r#"
    [
      {
        "agent": "clerk",
        "cost_micro_usd": 0,
        "how": null,
        "id": "s",
        "input_tokens": 0,
        "output_tokens": 0,
        "state": "waiting",
        "turns": 1,
        "waiting": [
          {
            "agent": "clerk",
            "input": "{\"to\":\"Ada\"}",
            "key": "s/call_0_1",
            "question": "May \"pay\" be called with {\"to\":\"Ada\"}?",
            "tool": "pay"
          }
        ]
      }
    ]
    "#);
    let (status, session) = read(&routes, "/sessions/s").await;
    assert_eq!(status, StatusCode::OK);
    assert_snapshot!(fixed(&session), @r#"
    {
      "session": {
        "agent": "clerk",
        "cost_micro_usd": 0,
        "how": null,
        "id": "s",
        "input_tokens": 0,
        "output_tokens": 0,
        "state": "waiting",
        "turns": 1,
        "waiting": [
          {
            "agent": "clerk",
            "input": "{\"to\":\"Ada\"}",
            "key": "s/call_0_1",
            "question": "May \"pay\" be called with {\"to\":\"Ada\"}?",
            "tool": "pay"
          }
        ]
      },
      "transcript": {
        "agent": "clerk",
        "messages": [
          {
            "blocks": [
              {
                "kind": "text",
                "text": "Pay Ada."
              }
            ],
            "from": "user",
            "role": "user",
            "turn": null
          },
          {
            "blocks": [
              {
                "kind": "text",
                "text": "I pay."
              },
              {
                "delegated": null,
                "id": "call_0_1",
                "input": "{\"to\":\"Ada\"}",
                "kind": "call",
                "tool": "pay"
              }
            ],
            "from": "clerk",
            "role": "assistant",
            "turn": 1
          }
        ],
        "waiting": [
          {
            "agent": "clerk",
            "input": "{\"to\":\"Ada\"}",
            "key": "s/call_0_1",
            "question": "May \"pay\" be called with {\"to\":\"Ada\"}?",
            "tool": "pay"
          }
        ]
      }
    }
    "#);
}

#[tokio::test]
async fn a_person_decides_cancels_and_forks_and_reads_why_not() {
    let (routes, journal, _folder) = waiting("Ada").await;
    let refused = async |path: &str, body: Value| {
        let (status, text) = post(&routes, path, body).await;
        format!("{} {text}", status.as_u16())
    };
    let all = [
        refused("/sessions/s/cancel", json!({})).await,
        refused("/sessions/none/cancel", json!({})).await,
        refused("/sessions/s/decisions", json!({"key": "s/none", "approve": true})).await,
        refused("/sessions/s/fork", json!({"id": "a", "turns": 7})).await,
        refused("/sessions/s/fork", json!({"id": "a/b"})).await,
        refused("/sessions/s/fork", json!({"id": "s"})).await,
        format!("{:?}", read(&routes, "/sessions/none").await),
        format!("{:?}", read(&routes, "/sessions/none/events").await),
    ];
    assert_snapshot!(all.join("\n"), @r#"
    409 {"error":"session \"s\" can't be cancelled, because no program runs it now"}
    404 {"error":"there is no session \"none\""}
    409 {"error":"no call with the key \"s/none\" waits for a person (it may be decided already): Conversation::waiting lists the calls that wait, with their keys"}
    422 {"error":"session \"s\" can't be forked after turn 7, because its last turn is 1"}
    422 {"error":"\"a/b\" can't be a session's id, because it contains '/': choose another one (Conversation::with_id), such as \"a-b\""}
    409 {"error":"there is a session \"s\" already: choose another id"}
    (404, "{\"error\":\"there is no session \\\"none\\\"\"}")
    (404, "{\"error\":\"there is no session \\\"none\\\"\"}")
    "#);

    assert_eq!(
        post(&routes, "/sessions/s/fork", json!({"id": "copy", "turns": 1})).await.0,
        StatusCode::CREATED
    );
    assert_eq!(journal.conversation("copy").unwrap().waiting().len(), 1);
    let denied = json!({"key": "s/call_0_1", "approve": false, "reason": "too dear"});
    assert_eq!(post(&routes, "/sessions/s/decisions", denied).await.0, StatusCode::NO_CONTENT);
    assert!(journal.conversation("s").unwrap().to_string().contains("denied: too dear"));
    let approved = json!({"key": "copy/call_0_1", "approve": true});
    assert_eq!(post(&routes, "/sessions/copy/decisions", approved).await.0, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn the_page_holds_no_text_of_sessions_and_allows_no_script_but_its_own() {
    let (routes, _, _folder) = waiting(HOSTILE).await;
    let request = Request::get("/").header("host", "localhost").body(Body::empty()).unwrap();
    let answer = routes.clone().oneshot(request).await.unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let policy = header("content-security-policy");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(header("x-content-type-options"), "nosniff");
    let nonce = policy.split("script-src 'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    let page = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    let page = String::from_utf8(page.to_vec()).unwrap();
    assert_eq!(page.matches("<script").count(), page.matches(&format!("<script nonce=\"{nonce}\"")).count());
    assert!(!page.contains("onerror") && !page.contains("innerHTML") && !page.contains("NONCE"));

    let again = read(&routes, "/").await.1;
    assert!(!again.contains(&nonce), "a nonce is used once");
    // What the script gets is JSON, which no browser takes for HTML.
    let (_, session) = read(&routes, "/sessions/s").await;
    let session: Value = serde_json::from_str(&session).unwrap();
    let input = session["transcript"]["waiting"][0]["input"].as_str().unwrap();
    let input: Value = serde_json::from_str(input).unwrap();
    assert_eq!(input["to"], HOSTILE);
}

#[tokio::test]
async fn a_timeline_is_made_from_the_events_so_far_and_goes_on_with_the_run() {
    let (routes, journal, folder) = waiting(HOSTILE).await;
    let bars = async || {
        let (status, model) = read(&routes, "/sessions/s/timeline/model").await;
        assert_eq!(status, StatusCode::OK);
        assert!(!model.contains('<'), "it could be read as HTML: {model}");
        let model: Value = serde_json::from_str(&model).unwrap();
        model["bars"].as_array().unwrap().len()
    };
    let before = bars().await;
    assert_eq!(bars().await, before, "no event is counted twice");
    journal.approve("s/call_0_1").await.unwrap();
    run(&folder.path().join("runs.journal"), clerk("Ada", Duration::ZERO)).await;
    assert!(bars().await > before);
    assert_eq!(read(&routes, "/sessions/none/timeline/model").await.0, StatusCode::NOT_FOUND);
    let (status, frame) = read(&routes, "/sessions/s/timeline").await;
    assert_eq!((status, frame.contains("onerror")), (StatusCode::OK, false));
}

#[tokio::test]
async fn all_errors_have_one_form() {
    let (routes, _, _folder) = waiting("Ada").await;
    let error = async |request: Request<Body>| {
        let (status, text) = ask(&routes, request).await;
        let json: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        format!("{} {}", status.as_u16(), json["error"].as_str().unwrap())
    };
    let to = |method: &str, path: &str| {
        Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("origin", "http://localhost")
    };
    let body = |text: &'static str, kind: &str| {
        to("POST", "/sessions/s/decisions").header("content-type", kind).body(Body::from(text)).unwrap()
    };
    let all = [
        error(body("{", "application/json")).await,
        error(body(r#"{"key": "s/call_0_1"}"#, "application/json")).await,
        error(body("key=s/call_0_1&approve=true", "application/x-www-form-urlencoded")).await,
        error(body(r#"{"key": "s/call_0_1", "approve": true}"#, "text/plain")).await,
        error(to("GET", "/sessions/%ff").body(Body::empty()).unwrap()).await,
        error(to("GET", "/none").body(Body::empty()).unwrap()).await,
        error(to("DELETE", "/sessions/s").body(Body::empty()).unwrap()).await,
        error(Request::get("/sessions").header("host", "evil.example").body(Body::empty()).unwrap()).await,
    ];
    assert_snapshot!(all.join("\n"), @"
    400 Failed to parse the request body as JSON: EOF while parsing an object at line 1 column 1
    422 Failed to deserialize the JSON body into the target type: missing field `approve` at line 1 column 21
    415 Expected request with `Content-Type: application/json`
    415 Expected request with `Content-Type: application/json`
    400 Invalid URL: Invalid UTF-8 in `id`
    404 there is no such address here
    405 this address can't be asked with this method
    403 This host name is not allowed here. Use the address that the program printed, or allow the name with Access::allow_host.
    ");
    let opened = Request::get("/").header("host", "evil.example").header("accept", "text/html");
    let (_, text) = ask(&routes, opened.body(Body::empty()).unwrap()).await;
    assert!(text.starts_with("This host name"), "a person reads a sentence: {text}");
}

#[tokio::test]
async fn a_reader_with_events_of_a_session_that_is_gone_begins_anew() {
    let (routes, journal, _folder) = waiting("Ada").await;
    let last = journal.session("s").unwrap().unwrap().last_event;
    let first = async |last: &str| {
        let request =
            Request::get("/sessions/s/events").header("host", "localhost").header("last-event-id", last);
        let answer = routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        // No server in front may hold events back.
        assert_eq!(answer.headers()["x-accel-buffering"], "no");
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut frames = answer.into_body().into_data_stream();
        let mut text = String::new();
        while !text.contains("\nid: ") && !text.starts_with("id: ") {
            text += std::str::from_utf8(&frames.next().await.unwrap().unwrap()).unwrap();
        }
        text.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned()
    };
    for odd in [(last + 1).to_string(), "18446744073709551615".to_owned(), "-3".to_owned(), "x".to_owned()] {
        assert_eq!(first(&odd).await, "1", "after {odd}");
    }
    assert_eq!(first("1").await, "2");
}

#[tokio::test]
async fn the_routes_can_be_mounted_under_a_path() {
    let (routes, _, _folder) = waiting("Ada").await;
    let service = Router::new().nest_service("/agents", routes);
    for path in ["/agents", "/agents/"] {
        let (status, page) = read(&service, path).await;
        assert_eq!((status, page.starts_with("<!doctype html>")), (StatusCode::OK, true), "{page}");
    }
    assert_eq!(read(&service, "/agents/sessions/s").await.0, StatusCode::OK);
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path().join("runs.journal")).unwrap();
    let access = Access::new();
    let service = Router::new().nest_service("/agents", router(Arc::new(journal), &access));
    for path in ["/agents", "/agents/"] {
        let request = Request::get(access.url(path)).header("host", "localhost").body(Body::empty()).unwrap();
        let answer = service.clone().oneshot(request).await.unwrap();
        // Relative to itself, since a server in front may have another path.
        let expected = if path.ends_with('/') { "./" } else { "agents" };
        assert_eq!(answer.headers()["location"], expected);
        assert_eq!(read(&service, path).await.0, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(read(&service, "/agents/sessions").await.0, StatusCode::UNAUTHORIZED);
}
