//! Guards around teams with delegation and handoff.

use agent_core::{
    Agent, Conversation, End, Team,
    script::{Reply, Script},
};
use agent_guards::{CallVerdict, Guards, Input, Judgement, Output, OutputVerdict, ProposedCall, Redact};
use agent_handoff::{Handoff, HistoryFilter};
use agent_tools::{AgentTool, AnswerType, Detached};
use serde_json::json;

use crate::common::{Ran, SECOND, call, note, results_read, run};

/// A planner that can ask a forecaster, and hand over to a clerk.
async fn check(guards: Guards, planner: Vec<Reply>, words: &str) -> (Ran, Script) {
    let model = Script::by_agent([
        ("planner", planner),
        ("forecaster", vec![Reply::text("It rains in Oslo.")]),
        ("clerk", vec![Reply::text("I am the clerk.")]),
    ]);
    let clerk = Agent::builder("clerk", model.clone()).build().unwrap();
    let planner = Agent::builder("planner", model.clone())
        .tool(AgentTool::new("forecaster", "Knows the weather."))
        .tools(Handoff::to([("clerk", "Knows the forms.")]));
    let forecaster = Agent::builder("forecaster", model.clone());
    let team = Team::new([planner.build().unwrap(), forecaster.build().unwrap(), clerk]).unwrap();
    (run(&guards.around(team), Conversation::start("planner", words)).await, model)
}

fn delegate(task: &str) -> Vec<Reply> {
    vec![Reply::call("forecaster", json!({ "task": task })), Reply::text("I asked.")]
}

fn hand_over(reason: &str) -> Vec<Reply> {
    vec![Reply::call("handoff", json!({"name": "clerk", "reason": reason})), Reply::text("I stay.")]
}

fn words(text: &str) -> Judgement {
    if text.contains("secret") { Judgement::refuse("No secrets.") } else { Judgement::Allow }
}

#[tokio::test]
async fn an_input_guard_judges_what_a_delegated_agent_is_told() {
    let guards = || Guards::new().input("words", |input: Input| async move { Ok(words(&input.text())) });
    let (ran, model) = check(guards(), delegate("the weather"), "Plan.").await;
    assert_eq!((ran.end.text(), results_read(&model)), ("I asked.", vec!["It rains in Oslo.".to_owned()]));

    let (ran, model) = check(guards(), delegate("the secret"), "Plan.").await;
    assert_eq!(ran.end.text(), "I asked.");
    insta::assert_snapshot!(results_read(&model).concat(), @"error: forecaster refused");
}

#[tokio::test]
async fn an_output_guard_checks_the_result_of_a_delegation() {
    let guards = Guards::new().output("cities", |output: Output| async move {
        Ok(match output.depth {
            1 => OutputVerdict::replace(output.text.replace("Oslo", "[city]")),
            _ => OutputVerdict::Allow,
        })
    });
    let (ran, model) = check(guards, delegate("the weather"), "Plan.").await;
    assert_eq!((ran.end.text(), results_read(&model)), ("I asked.", vec!["It rains in [city].".to_owned()]));
}

#[tokio::test]
async fn delegations_and_handoffs_are_calls_that_guards_check() {
    let guards = || {
        Guards::new().call("words", |call: ProposedCall| async move {
            Ok(match call.input.text() {
                text if text.contains("secret") => CallVerdict::refuse(format!("Not to {}.", call.tool)),
                text if text.contains("please") => CallVerdict::ask("May it?"),
                text if text.contains("boat") => CallVerdict::replace(json!({"task": "the weather"})),
                _ => CallVerdict::Allow,
            })
        })
    };
    let check = async |replies: Vec<Reply>, expected: &str, read: &[&str]| {
        let (ran, model) = check(guards(), replies, "Plan.").await;
        assert_eq!(
            (ran.end.text(), results_read(&model)),
            (expected, read.iter().map(|read| (*read).to_owned()).collect())
        );
    };
    check(delegate("the secret"), "I asked.", &["error: Not to forecaster."]).await;
    check(delegate("a boat"), "I asked.", &["It rains in Oslo."]).await;
    check(hand_over("the secret"), "I stay.", &["error: Not to handoff."]).await;
    check(hand_over("forms"), "I am the clerk.", &[]).await;
    let (ran, _) = self::check(guards(), hand_over("please"), "Plan.").await;
    assert!(matches!(ran.end, End::Waiting(_)));
}

#[tokio::test]
async fn an_agent_that_a_guard_refuses_does_not_take_over() {
    let guards = Guards::new().output("no clerks", |output: Output| async move {
        Ok(if &*output.agent == "clerk" {
            OutputVerdict::refuse("Not the clerk.")
        } else {
            OutputVerdict::Allow
        })
    });
    let (ran, model) = check(guards, hand_over("forms"), "Plan.").await;
    assert_eq!((ran.end.text(), ran.conversation.agent()), ("I stay.", "planner"));
    insta::assert_snapshot!(results_read(&model).concat(), @r#"error: Handoff failed: agent "clerk" refused. Available agents: [clerk]"#);
}

#[derive(Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
struct Trip {
    city: String,
}

#[tokio::test]
async fn guards_around_a_team_with_a_typed_answer_check_the_answer() {
    // The model answers by a call of a tool, which becomes text.
    let answer = AnswerType::<Trip>::new().unwrap();
    let model = Script::new([Reply::call("final_answer", json!({"city": "Oslo"}))]);
    let team = Team::new([Agent::builder("planner", model).build().unwrap()]).unwrap();
    let guards = Guards::new().output("cities", |output: Output| async move {
        Ok(OutputVerdict::replace(output.text.replace("Oslo", "Rome")))
    });
    let ran = run(&guards.around(answer.team(team)), Conversation::start("planner", "Plan.")).await;
    assert_eq!(answer.read(&ran.end, &ran.conversation).unwrap(), Trip { city: "Rome".to_owned() });
}

/// An agent makes a call in the background, reads its result, which is a secret, and hands over.
/// An input guard judges what the next agent reads as the user's words. Returns what that agent
/// reads.
async fn hand_over_after_background_call(filter: HistoryFilter) -> (Ran, String) {
    let hand_over = Reply::call("handoff", json!({"name": "clerk", "reason": "a@b.org asks"}));
    let model = Script::by_agent([
        (
            "main",
            vec![call("a secret of a@b.org").after(SECOND), Reply::text("Wait.").after(SECOND), hand_over],
        ),
        ("clerk", vec![Reply::text("I am the clerk.")]),
    ]);
    let clerk = Agent::builder("clerk", model.clone()).build().unwrap();
    let handoff = Handoff::to([("clerk", "Knows the forms.")]).reads(filter);
    let main = Agent::builder("main", model.clone()).tool(Detached::new(note())).tools(handoff);
    let team = Team::new([main.build().unwrap(), clerk]).unwrap();
    let guards = Guards::new().input("words", |input: Input| async move { Ok(words(&input.text())) });
    let ran = run(&Redact::new().around(guards.around(team)), Conversation::start("main", "Plan.")).await;
    let read =
        model.requests().last().unwrap().messages.iter().map(|message| message.text() + "\n").collect();
    (ran, read)
}

#[tokio::test(start_paused = true)]
async fn a_background_result_is_not_taken_for_the_users_words_after_a_handoff() {
    for filter in [HistoryFilter::WithoutHandoffs, HistoryFilter::Everything, HistoryFilter::LastTurns(1)] {
        let (ran, read) = hand_over_after_background_call(filter.clone()).await;
        assert_eq!(ran.end.text(), "I am the clerk.", "{filter:?}");
        assert!(read.contains("Its result:]\nnoted a secret of [EMAIL_1]"), "{filter:?}: {read}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_reads_no_results_reads_no_background_results() {
    let (ran, read) = hand_over_after_background_call(HistoryFilter::WithoutTools).await;
    assert_eq!(ran.end.text(), "I am the clerk.");
    assert!(!read.contains("secret"), "{read}");
}
