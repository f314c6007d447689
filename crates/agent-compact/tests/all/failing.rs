//! Summaries that fail change nothing.

use agent_core::{
    Conversation, LlmError, StopReason, Usage,
    model::{LlmErrorKind, Notice},
    script::Reply,
};
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{is_for_summary, long, model, talk, team};

fn reasons(notices: &[Notice]) -> Vec<String> {
    let reason = |notice: &Notice| match notice {
        Notice::NotCompacted { reason } => reason.clone(),
        other => format!("{other:?}"),
    };
    notices.iter().map(reason).collect()
}

/// What is said when this is the summary. The last request is sent unchanged.
async fn check(summary: Reply) -> String {
    let model = model(summary);
    let mut conversation = Conversation::new("main");
    let texts: Vec<String> = (0..5).map(|i| long(&format!("u{i}"))).collect();
    let notices = talk(&team(&model, |compact| compact), &mut conversation, &texts).await;
    let last = model.requests().pop().unwrap();
    assert_eq!(last.messages, conversation.messages()[..9], "it is sent as it was");
    assert_eq!((conversation.omissions(), conversation.messages().len()), (&[][..], 10));
    let usage = conversation.usage();
    assert_eq!((usage.input_tokens, usage.output_tokens), (50, 5));
    assert_eq!((usage.broken_off.input_tokens, usage.broken_off.output_tokens), (50, 5));
    reasons(&notices).join("\n")
}

#[tokio::test]
async fn fault_93_a_summary_that_is_empty_cut_longer_or_a_call_changes_nothing() {
    let costs = |reply: Reply| reply.usage(Usage::new(50, 5));
    assert_snapshot!(check(costs(Reply::text(" \n"))).await, @"there is no summary: the summary is empty");
    assert_snapshot!(check(costs(Reply::text("The us").stop(StopReason::MaxTokens))).await, @"there is no summary: the summary ended with max_tokens");
    assert_snapshot!(check(costs(Reply::text("No.").stop(StopReason::Refusal))).await, @"there is no summary: the summary ended with refusal");
    assert_snapshot!(check(costs(Reply::text("word ".repeat(9_000)))).await, @"there is no summary: the summary has 13888 tokens, but the messages have only 4088");
    assert_snapshot!(check(costs(Reply::call("look_up", json!({})))).await, @"there is no summary: the model called a tool instead");
    let mut error = LlmError::new(LlmErrorKind::Server, "down");
    error.usage = Some(Usage::new(50, 5).of_broken_off().into());
    assert_snapshot!(check(Reply::error(error)).await, @"there is no summary: the model's server failed: down");
}

#[tokio::test]
async fn fault_94_after_three_failures_in_a_row_ten_requests_are_sent_without_a_try() {
    let model = model(Reply::error(LlmError::new(LlmErrorKind::Server, "down")));
    let mut conversation = Conversation::new("main");
    let texts: Vec<String> = (0..18).map(|i| long(&format!("u{i}"))).collect();
    let notices = talk(&team(&model, |compact| compact), &mut conversation, &texts).await;
    let tries: Vec<bool> = model.requests().iter().map(is_for_summary).collect();
    // Four short requests, three tries, ten requests without, one try.
    let expected = [&[false; 4][..], &[true, false].repeat(3), &[false; 10], &[true, false]].concat();
    assert_eq!(tries, expected);
    assert_snapshot!(reasons(&notices).join("\n"), @r#"
    there is no summary: the model's server failed: down
    there is no summary: the model's server failed: down
    there is no summary: the model's server failed: down. This was failure 3 in a row: the next 10 requests are sent without a try
    there is no summary: the model's server failed: down
    "#);
}

#[tokio::test]
async fn what_can_not_be_summarised_is_said() {
    let model = model(Reply::text("So far."));
    let mut conversation = Conversation::new("main");
    let notices = talk(&team(&model, |compact| compact), &mut conversation, &["word ".repeat(9_000)]).await;
    assert_snapshot!(reasons(&notices).join("\n"), @"12865 tokens are too many, but there is no earlier turn that a summary could replace");
    assert_eq!(model.requests().len(), 1);
    let texts = ["Yes.".to_owned(), "word ".repeat(9_000)];
    let notices = talk(&team(&model, |compact| compact), &mut Conversation::new("main"), &texts).await;
    assert_snapshot!(reasons(&notices).join("\n"), @"12887 tokens are too many, but nearly all of it is in the last turns, which stay");
}
