//! Default values.

use agent_core::{
    Agent, Block, Limits, RunError,
    model::{BASE_PROMPT, LlmErrorKind},
    script::{Reply, Script},
};
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{Log, agent, calls};

#[test]
fn the_limits() {
    let Limits { turns, depth, transfers, requests, calls, calls_in_reply, calls_at_once, .. } =
        Limits::default();
    assert_eq!((turns, depth, transfers, requests), (10, 8, 8, Some(200)));
    assert_eq!((calls, calls_in_reply, calls_at_once), (Some(2_000), Some(256), Some(512)));
}

#[tokio::test]
async fn field_71_the_base_prompt_is_true_stands_in_front_and_can_be_replaced_and_removed() {
    let check = async |base: Option<&str>, expected: &str| {
        let model = Script::new([Reply::text("Hi.")]);
        let builder = Agent::builder("main", model.clone()).system("You greet.");
        let builder = base.into_iter().fold(builder, |builder, base| builder.base_prompt(base));
        let agent = builder.build().unwrap();
        agent.run(&mut agent.start("Hi.")).await.unwrap();
        let request = &model.requests()[0];
        assert_eq!((request.system_text().as_str(), request.max_tokens), (expected, 8_000));
    };
    check(None, &format!("{BASE_PROMPT}\n\nYou greet.")).await;
    check(Some("Be brief."), "Be brief.\n\nYou greet.").await;
    check(Some(""), "You greet.").await;
    assert_snapshot!(BASE_PROMPT, @"Work on the task until it is done, over as many turns as it needs, with the tools you have. What you write between tool calls may be read as you write it, or by nobody: your last reply must stand alone and hold the whole answer. Put tool calls that do not depend on each other into one reply: they run at the same time.");
}

#[tokio::test]
async fn a_system_prompt_of_blocks_keeps_their_fields() {
    let model = Script::new([Reply::text("Hi.")]);
    let marked = r#"{"type":"text","text":"You greet.","cache_control":{"type":"ephemeral"}}"#;
    let blocks = [serde_json::from_str::<Block>(marked).unwrap(), Block::text(" ")];
    let agent = Agent::builder("main", model.clone()).base_prompt("").system_blocks(blocks).build().unwrap();
    agent.run(&mut agent.start("Hi.")).await.unwrap();
    let system = &model.requests()[0].system;
    assert_eq!(system.iter().map(|block| block.json().text()).collect::<Vec<_>>(), [marked]);
}

#[tokio::test]
async fn a_script_that_runs_out_says_so() {
    let fail = async |model: Script| {
        let agent = agent("main", &model, &Log::default()).build().unwrap();
        match agent.run(&mut agent.start("Go.")).await.unwrap_err() {
            RunError::Model(failure) => {
                assert_eq!((failure.error.kind, failure.error.is_retryable()), (LlmErrorKind::Other, false));
                failure.error.message.clone()
            }
            other => panic!("{other}"),
        }
    };
    let one = || vec![calls([("act", json!({}))])];
    assert_snapshot!(fail(Script::new(one())).await, @r#"the script ran out: it has 1 replies, and "run" asked for number 2"#);
    assert_snapshot!(fail(Script::by_agent([("main", one())])).await, @r#"the script of "main" ran out: it has 1 replies, and "run" asked for number 2"#);
    assert_snapshot!(fail(Script::by_agent([("other", one())])).await, @r#"the script has no agent "main"; it has: other"#);
}
