//! Functions of the user's program that panic. They must not damage other runs or the journal.

use agent_core::{Agent, Conversation, Outcome, Team, conversation::Call, host::drive, script::Script};
use agent_handoff::{Handoff, HistoryFilter};
use serde_json::json;

use crate::common::{Place, calls, start, team};

#[tokio::test]
async fn field_59_a_view_that_panics_is_a_handoff_that_failed_on_a_journal_too() {
    let to_sales = || calls([("handoff", json!({"name": "sales"}))]);
    let says = |text| calls([]).and_text(text);
    let model =
        Script::by_agent([("main", vec![to_sales(), says("Mine."), to_sales(), says("Mine again.")])]);
    let handoffs = Handoff::to([("sales", "Sales.")]).reads(HistoryFilter::by(|_| panic!("no view")));
    let main = Agent::builder("main", model.clone()).tools(handoffs.tools()).build().unwrap();
    let sales = Agent::builder("sales", model).build().unwrap();
    let team = Team::new([main, sales]).unwrap();
    let place = Place::new();
    let (journal, mut conversation) = (place.open(), start());
    let host = journal.host(team, &mut conversation).await.unwrap();
    for expected in ["Mine.", "Mine again."] {
        assert_eq!(drive(&mut conversation, &host).await.unwrap().text(), expected);
        conversation.say("Once more.");
    }
    let text = conversation.to_string();
    let failed = r#"Handoff failed: agent "sales" got no answer: the model was not asked: what "handoff" lets it read panicked: no view"#;
    assert_eq!(text.matches(failed).count(), 2, "{text}");
}

/// A call started, and its result is not known.
async fn left_open(place: &Place) -> Team {
    let (team, _) = team(&["main"], |_, turn| match turn {
        0 => calls([("act_once", json!({"say": "paid"}))]),
        _ => calls([]).and_text("Done."),
    });
    let (journal, mut conversation) = (place.open(), start());
    let host = journal.host(team.clone(), &mut conversation).await.unwrap();
    drive(&mut conversation, &host).await.unwrap();
    drop((host, journal));
    place.sql("DELETE FROM entries WHERE seq > (SELECT seq FROM entries WHERE kind = 'started')");
    team
}

#[tokio::test]
async fn field_59_who_decides_about_an_unknown_outcome_and_panics_leaves_it_unknown() {
    let place = Place::new();
    let team = left_open(&place).await;
    let (journal, mut conversation): (_, Conversation) = (place.open(), start());
    let decide = |_: &Call| -> Option<Outcome> { panic!("no idea") };
    let host = journal.host(team, &mut conversation).await.unwrap().on_unknown(decide);
    assert_eq!(drive(&mut conversation, &host).await.unwrap().text(), "Done.");
    let read = r#"< call_0_0 failed: outcome unknown: the run was stopped while "act_once" was being called; it may have had its effect; what was to decide panicked: no idea"#;
    assert!(conversation.to_string().contains(read), "{conversation}");
    assert_eq!(journal.conversation("s").unwrap(), conversation);
}
