//! What is never written, and what is not compared.

use agent_llm::{Block, Cassette, Delta, Json, LlmError, LlmErrorKind, Message, Piece, Request, StopReason};
use serde_json::json;

use super::{Pieces, ask, asking, place, read};

const KEY: &str = "sk-ant-api03-abcDEF123456-xyz";

fn input(text: &str) -> Delta {
    Delta::Piece { index: 1, piece: Piece::Input(text.to_owned()) }
}

#[tokio::test]
async fn fault_34_no_secret_is_written_to_a_cassette_wherever_it_stands() {
    let (_folder, path) = place();
    let mut request = asking(&format!("My key is {KEY}."));
    request.system = vec![Block::text("Send Authorization: Bearer abcdefgh-12345678.")];
    request.extra.insert("metadata".to_owned(), json!({"deep": [KEY]}).into());
    let reply = vec![
        Ok(Delta::words(0, "So it is sk-ant-")),
        Ok(Delta::call(1, "a", "f", json!({}))),
        Ok(input(r#"{"key": "sk-ant-api03-"#)),
        Ok(Delta::words(0, "api03-abcDEF123456")),
        Ok(input(r#"abcDEF123456-xyz", "n": 1.10}"#)),
        Ok(Delta::words(0, ".")),
        Ok(Delta::call(2, "b", "f", json!({"mail": "jane@example.com", "key": KEY}))),
        Err(LlmError::new(LlmErrorKind::Authentication, format!("{KEY} of jane@example.com is revoked"))),
    ];
    let mail = |text: &str| text.replace("jane@example.com", "[mail]");
    let recording = Cassette::record(&path, Pieces::new([reply.clone()])).unwrap().scrub(mail);
    assert_eq!(ask(&recording, request.clone()).await, reply, "the run itself gets all of it");
    let written = read(&path);
    for secret in ["abcDEF123456", "abcdefgh-12345678", "jane@example.com", "api03"] {
        assert!(!written.contains(secret), "{secret}: {written}");
    }
    let call = r#"{"type":"tool_use","id":"b","name":"f","input":{"key":"[secret]","mail":"[mail]"}}"#;
    let expected: Vec<Result<Delta, LlmError>> = vec![
        Ok(Delta::words(0, "So it is [secret].")),
        Ok(Delta::call(1, "a", "f", json!({}))),
        Ok(input(r#"{"key":"[secret]","n":1.10}"#)),
        Ok(Delta::Block { index: 2, block: Block::from_json(Json::read(call).unwrap()).unwrap() }),
        Err(LlmError::new(LlmErrorKind::Authentication, "[secret] of [mail] is revoked")),
    ];
    assert_eq!(ask(&Cassette::replay(&path).unwrap().scrub(mail), request).await, expected);
}

#[tokio::test]
async fn a_run_that_had_secrets_goes_on_from_its_own_replayed_replies() {
    let (_folder, path) = place();
    let words = format!("It is {KEY}.");
    let reply = vec![Ok(Delta::words(0, &*words)), Ok(Delta::stop(StopReason::EndTurn))];
    let goes_on = |said: &str| {
        Request::new(vec![
            Message::user("hi"),
            Message::assistant(vec![Block::text(said)]),
            Message::user("And?"),
        ])
    };
    let recording = Cassette::record(&path, Pieces::new([reply.clone(), super::says("Done.")])).unwrap();
    ask(&recording, asking("hi")).await;
    ask(&recording, goes_on(&words)).await;
    let replaying = Cassette::replay(&path).unwrap();
    assert_eq!(ask(&replaying, asking("hi")).await[0], Ok(Delta::words(0, "It is [secret].")));
    assert_eq!(ask(&replaying, goes_on("It is [secret].")).await, super::says("Done."));
}

#[tokio::test]
async fn what_differs_from_run_to_run_can_be_taken_out_of_requests_alone() {
    let (_folder, path) = place();
    let no_digits = |text: &str| text.chars().filter(|letter| !letter.is_ascii_digit()).collect::<String>();
    let recording = Cassette::record(&path, Pieces::new([super::says("It is 9 o'clock.")])).unwrap();
    ask(&recording.normalize(no_digits), asking("It is 17:45.")).await;
    assert!(read(&path).contains("It is :."), "{}", read(&path));
    let replaying = Cassette::replay(&path).unwrap().normalize(no_digits);
    assert_eq!(ask(&replaying, asking("It is 08:01.")).await, super::says("It is 9 o'clock."));
    let without = Cassette::replay(&path).unwrap();
    assert!(ask(&without, asking("It is 17:45.")).await[0].is_err());
}
