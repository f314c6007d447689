//! Views that panic: foreign code takes no run along.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use agent_core::{Agent, Conversation, RunError, Team, model::LlmErrorKind, script::Script};
use agent_handoff::{Handoff, HistoryFilter, OnFailure};
use insta::assert_snapshot;

use crate::scene::{Scene, handoff, look, look_at, says};

/// A view that panics when it is asked for the time of this number, and from then on.
fn panics_from(number: usize) -> HistoryFilter {
    let asked = Arc::new(AtomicUsize::new(0));
    HistoryFilter::by(move |messages| match asked.fetch_add(1, Ordering::Relaxed) + 1 {
        time if time >= number => panic!("no view number {time}"),
        _ => messages.to_vec(),
    })
}

#[tokio::test(start_paused = true)]
async fn field_59_a_view_that_panics_is_a_handoff_that_failed() {
    let always = HistoryFilter::by(|_| panic!("no view"));
    let scene = Scene::new()
        .agent(
            "triage",
            Handoff::to([("sales", "Sales.")]).reads(always),
            vec![handoff("sales"), says("Then I do it."), handoff("sales"), says("Again I do it.")],
        )
        .worker("sales", vec![])
        .asks(&["Help!", "Once more."]);
    let seen = scene.play().await;
    let (record, events) = (seen.split("\nREQUESTS").next().unwrap(), seen.split("EVENTS\n").nth(1).unwrap());
    assert_snapshot!(record, @r#"
    END Answered("Then I do it.")
    END Answered("Again I do it.")

    RECORD
    user: Help!
      > call_0_0 handoff {"name":"sales","reason":"It is sales's."}
      < call_0_0 failed: Handoff failed: agent "sales" got no answer: the model was not asked: what "handoff" lets it read panicked: no view. Available agents: [sales]
    triage: Then I do it.
    user: Once more.
      > call_2_0 handoff {"name":"sales","reason":"It is sales's."}
      < call_2_0 failed: Handoff failed: agent "sales" got no answer: the model was not asked: what "handoff" lets it read panicked: no view. Available agents: [sales]
    triage: Again I do it.
    "#);
    assert_snapshot!(events, @r#"
    0.000 s  triage: > handoff {"name":"sales","reason":"It is sales's."}
    0.000 s  sales: ! the model was not asked: what "handoff" lets it read panicked: no view
    0.000 s  triage: < handoff failed: the model was not asked: what "handoff" lets it read panicked: no view
    0.000 s  sales: ! does not take over from triage: the model was not asked: what "handoff" lets it read panicked: no view
    0.000 s  triage: answers: Then I do it.
    0.000 s  triage: > handoff {"name":"sales","reason":"It is sales's."}
    0.000 s  sales: ! the model was not asked: what "handoff" lets it read panicked: no view
    0.000 s  triage: < handoff failed: the model was not asked: what "handoff" lets it read panicked: no view
    0.000 s  sales: ! does not take over from triage: the model was not asked: what "handoff" lets it read panicked: no view
    0.000 s  triage: answers: Again I do it.
    "#);
}

/// Sales looks at something, and its view panics when it is to read that.
async fn fails_later(policy: OnFailure) -> (Result<String, RunError>, Conversation, Team) {
    let model = Script::by_agent([
        ("triage", vec![handoff("sales"), says("Then I do it.")]),
        ("sales", vec![look_at("a")]),
    ]);
    let handoffs = Handoff::to([("sales", "Sales.")]).reads(panics_from(2)).on_failure(policy);
    let triage = Agent::builder("triage", model.clone()).tools(handoffs.tools()).build().unwrap();
    let sales = Agent::builder("sales", model).tool(look()).build().unwrap();
    let team = Team::new([triage, sales]).unwrap();
    let mut conversation = Conversation::start("triage", "Help!");
    let end = team.run(&mut conversation).await.map(|end| end.text().to_owned());
    (end, conversation, team)
}

#[tokio::test(start_paused = true)]
async fn field_59_a_view_that_panics_later_is_a_failure_of_the_agent_that_was_to_read() {
    let (end, conversation, _) = fails_later(OnFailure::Return).await;
    assert_eq!((end.unwrap().as_str(), conversation.agent()), ("Then I do it.", "triage"));
    assert_snapshot!(conversation, @r#"
    user: Help!
      > call_0_0 handoff {"name":"sales","reason":"It is sales's."}
      < call_0_0 = Transferred to sales.
    -- sales takes over from triage
      > call_1_0 look {"at":"a"}
      < call_1_0 = saw a
    user: Handoff failed: sales had taken over, but then: agent "sales" got no answer: the model was not asked: what "handoff" lets it read panicked: no view number 2. Available agents: [sales]
    -- triage has it back from sales
    triage: Then I do it.
    "#);

    let (end, mut conversation, team) = fails_later(OnFailure::Keep).await;
    let before = conversation.clone();
    let again = team.run(&mut conversation).await;
    for (error, number) in [(end.unwrap_err(), 2), (again.unwrap_err(), 3)] {
        let RunError::Model(failure) = &error else { panic!("{error}") };
        assert_eq!((failure.agent.as_str(), failure.error.kind), ("sales", LlmErrorKind::NotAsked));
        let said = format!(
            r#"agent "sales" got no answer: the model was not asked: what "handoff" lets it read panicked: no view number {number}"#
        );
        assert_eq!(error.to_string(), said);
    }
    assert_eq!(conversation, before, "it is as it was");
}
