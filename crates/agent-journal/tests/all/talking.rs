//! Changes of a conversation in memory, between runs and during them.

use std::time::Duration;

use agent_core::{
    Conversation, End, Event, EventKind, Limits, Response, conversation::Change, event::EventLog,
    host::drive, script::Reply,
};
use agent_journal::{JournalError, JournalHostError};
use insta::assert_snapshot;
use serde_json::json;
use tokio::time::timeout;

use crate::common::{Place, calls, start, team};

fn says(_: &str, turn: usize) -> Reply {
    match turn {
        0 => calls([
            ("act", json!({"ms": 100, "say": "early"})),
            ("act", json!({"ms": 1000, "say": "late"})),
            ("act_once", json!({"ask": "May I?", "say": "allowed"})),
            ("act_once", json!({"ask": "And I?", "say": "allowed, too"})),
        ]),
        _ => Reply::text(format!("Answer {turn}.")),
    }
}

/// The kinds of the entries, in order.
fn kinds(place: &Place) -> String {
    let entries = place.open().entries("s").unwrap();
    let kinds: Vec<&str> = entries.iter().map(|(_, entry)| entry.kind()).collect();
    kinds.join(" ")
}

#[tokio::test]
async fn messages_between_runs_are_saved_before_the_model_is_asked() {
    let (place, (team, _)) =
        (Place::new(), team(&["main"], |_, turn| Reply::text(format!("Answer {turn}."))));
    let journal = place.open();
    let mut conversation = start();
    let host = journal.host(team.clone(), &mut conversation).await.unwrap();
    drive(&mut conversation, &host).await.unwrap();
    conversation.say("More.");
    drive(&mut conversation, &host).await.unwrap();
    conversation.instruct("Be brief.");
    conversation.say("And?");
    drop(host);
    let _again = journal.host(team, &mut conversation).await.unwrap();
    assert_eq!(journal.conversation("s").unwrap(), conversation);
    assert_eq!(kinds(&place), "became answered said answered said said");
    assert_snapshot!(conversation.to_string(), @r"
    user: Go.
    main: Answer 0.
    user: More.
    main: Answer 1.
    system: Be brief.
    user: And?
    ");
}

#[tokio::test]
async fn a_dropped_run_continues_with_the_same_host_or_another() {
    for same_host in [true, false] {
        let (place, (team, log)) = (Place::new(), team(&["main"], says));
        let journal = place.open();
        let mut conversation = start();
        let mut host = Some(journal.host(team.clone(), &mut conversation).await.unwrap());
        let run = drive(&mut conversation, host.as_ref().unwrap());
        assert!(timeout(Duration::from_millis(500), run).await.is_err());
        if !same_host {
            host = None;
        }
        let host = match host {
            Some(host) => host,
            None => journal.host(team.clone(), &mut conversation).await.unwrap(),
        };
        let end = drive(&mut conversation, &host).await.unwrap();
        assert!(matches!(end, End::Waiting(calls) if calls.len() == 2));
        assert_eq!(journal.conversation("s").unwrap(), conversation);
        assert_eq!(log.made()["s/call_0_0"], 1);
        assert_eq!(log.made()["s/call_0_1"], 1, "the first time it did not come to its end");
    }
}

#[tokio::test]
async fn a_call_that_waited_for_its_permit_when_the_run_was_stopped_has_not_started() {
    let says = |_: &str, turn: usize| match turn {
        0 => calls(["a", "b", "c"].map(|say| ("act_once", json!({"ms": 300, "say": say})))),
        _ => Reply::text("Done."),
    };
    let (place, (team, _)) = (Place::new(), team(&["main"], says));
    let team = team.with_limits(Limits::new().calls_at_once(1));
    let journal = place.open();
    let mut conversation = start();
    let host = journal.host(team.clone(), &mut conversation).await.unwrap();
    assert!(timeout(Duration::from_millis(450), drive(&mut conversation, &host)).await.is_err());
    drop(host);
    let host = journal.host(team, &mut conversation).await.unwrap();
    drive(&mut conversation, &host).await.unwrap();
    let transcript = conversation.to_string();
    let results: Vec<&str> = transcript
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| line.starts_with('<'))
        .collect();
    assert_snapshot!(results.join("\n"), @r#"
    < call_0_0 = a
    < call_0_1 failed: outcome unknown: the run was stopped while "act_once" was being called; it may have had its effect
    < call_0_2 = c
    "#);
}

#[tokio::test]
async fn calls_can_be_approved_and_denied_in_memory() {
    let (place, (team, log)) = (Place::new(), team(&["main"], says));
    let journal = place.open();
    let mut conversation = start();
    let host = journal.host(team, &mut conversation).await.unwrap();
    drive(&mut conversation, &host).await.unwrap();
    conversation.approve("s/call_0_2").unwrap();
    conversation.deny("s/call_0_3", "not today").unwrap();
    let end = drive(&mut conversation, &host).await.unwrap();
    assert_eq!(end.text(), "Answer 1.");
    assert_eq!(journal.conversation("s").unwrap(), conversation);
    assert_eq!(log.made()["s/call_0_2"], 2, "once to ask, once for real");
    assert_snapshot!(conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act {"ms":100,"say":"early"}
      > call_0_1 act {"ms":1000,"say":"late"}
      > call_0_2 act_once {"ask":"May I?","say":"allowed"}
      > call_0_3 act_once {"ask":"And I?","say":"allowed, too"}
      < call_0_0 = early
      < call_0_1 = late
      < call_0_2 = allowed
      < call_0_3 failed: denied: not today
    main: Answer 1.
    "#);
}

#[tokio::test]
async fn a_call_that_is_denied_in_memory_stays_denied_whatever_is_said_then() {
    let says = |_: &str, turn: usize| match turn {
        0 => calls([("act_once", json!({"ask": "Pay?", "say": "paid"}))]),
        _ => Reply::text("Done."),
    };
    for new_host in [true, false] {
        let (place, (team, _)) = (Place::new(), team(&["main"], says));
        let journal = place.open();
        let mut conversation = start();
        let mut host = journal.host(team.clone(), &mut conversation).await.unwrap();
        host.run(&mut conversation).await.unwrap();
        conversation.deny("s/call_0_0", "never pay Bob").unwrap();
        conversation.say("Do something else.");
        if new_host {
            drop(host);
            host = journal.host(team, &mut conversation).await.unwrap();
        }
        host.run(&mut conversation).await.unwrap();
        assert_eq!(kinds(&place), "became answered started recorded denied said answered");
        assert_eq!(journal.conversation("s").unwrap(), conversation);
        let transcript = conversation.to_string();
        assert!(transcript.contains("< call_0_0 failed: denied: never pay Bob\nuser: Do something else."));
    }
}

#[tokio::test]
async fn a_different_conversation_with_the_same_id_is_refused() {
    let (place, (team, _)) = (Place::new(), team(&["main"], |_, _| Reply::text("Hi.")));
    let journal = place.open();
    let mut conversation = start();
    let host = journal.host(team.clone(), &mut conversation).await.unwrap();
    drive(&mut conversation, &host).await.unwrap();
    let diverged = |id: &str| JournalError::Diverged { id: id.to_owned() };

    let mut other = Conversation::start("main", "Stop.").with_id("s");
    let mut third = Conversation::start("main", "Go.").with_id("t");
    let error = drive(&mut third, &host).await.unwrap_err();
    assert_eq!(error, JournalHostError::Journal(diverged("t")));
    drop(host);
    assert_eq!(journal.host(team, &mut other).await.unwrap_err(), diverged("s"));
}

#[tokio::test]
async fn a_host_does_not_overwrite_its_session_with_another_conversation() {
    let (place, (team, log)) =
        (Place::new(), team(&["main"], |_, turn| Reply::text(format!("Answer {turn}."))));
    let journal = place.open();
    let mut conversation = start();
    let host = journal.host(team, &mut conversation).await.unwrap();
    let old = conversation.clone();
    host.run(&mut conversation).await.unwrap();
    conversation.say("More.");
    host.run(&mut conversation).await.unwrap();

    let (started, said) = (Conversation::start("main", "Stop."), Conversation::new("main"));
    let mut alike = Conversation::start("main", "Stop.");
    alike.apply("run", Change::Answered(Response::text("Answer 0."))).unwrap();
    alike.say("More.");
    alike.apply("run", Change::Answered(Response::text("Answer 1."))).unwrap();
    let diverged = JournalHostError::Journal(JournalError::Diverged { id: "s".to_owned() });
    for other in [started, said, alike] {
        let mut other = other.with_id("s");
        other.say("And?");
        assert_eq!(drive(&mut other, &host).await.unwrap_err(), diverged, "{other}");
        assert_eq!(host.run(&mut other).await.unwrap_err(), diverged, "{other}");
    }
    assert_eq!(drive(&mut old.clone(), &host).await.unwrap_err(), diverged, "it is shorter");
    let mut taken_up = old;
    assert_eq!(host.run(&mut taken_up).await.unwrap().text(), "Answer 1.");
    assert_eq!(taken_up, conversation);
    assert_eq!(journal.conversation("s").unwrap(), conversation);
    assert_eq!(log.asked(), ["main 0", "main 1"]);
}

#[tokio::test]
async fn a_message_before_a_decision_of_another_process_is_the_same_in_journal_and_memory() {
    let says = |_: &str, turn: usize| match turn {
        0 => calls([("act_once", json!({"ask": "Pay?"}))]),
        _ => Reply::text("Done."),
    };
    let (place, (team, _)) = (Place::new(), team(&["main"], says));
    let journal = place.open();
    let mut conversation = start();
    let host = journal.host(team, &mut conversation).await.unwrap();
    host.run(&mut conversation).await.unwrap();
    place.open().deny("s/call_0_0", "too dear").await.unwrap();
    conversation.say("Never mind.");
    host.run(&mut conversation).await.unwrap();
    assert_eq!(journal.conversation("s").unwrap(), conversation);
}

#[tokio::test]
async fn an_older_copy_of_a_conversation_does_not_repeat_a_call() {
    let says = |_: &str, turn: usize| match turn {
        0 => calls([("act_once", json!({"ask": "Pay?", "say": "paid"}))]),
        _ => Reply::text("Done."),
    };
    let (place, (team, log)) = (Place::new(), team(&["main"], says));
    let journal = place.open();
    let mut conversation = start();
    let host = journal.host(team, &mut conversation).await.unwrap();
    host.run(&mut conversation).await.unwrap();
    conversation.approve("s/call_0_0").unwrap();
    let mut old = conversation.clone();
    host.run(&mut conversation).await.unwrap();
    let diverged = JournalHostError::Journal(JournalError::Diverged { id: "s".to_owned() });
    assert_eq!(drive(&mut old, &host).await.unwrap_err(), diverged);
    assert_eq!(log.made()["s/call_0_0"], 2, "once to ask, once for real");
    assert_eq!(journal.conversation("s").unwrap(), conversation);
}

#[tokio::test]
async fn runs_on_a_journal_can_be_spawned() {
    let (place, (team, _)) = (Place::new(), team(&["main"], |_, _| Reply::text("Hi.")));
    let journal = place.open();
    let run = tokio::spawn(async move {
        let mut conversation = start();
        let host = journal.host(team, &mut conversation).await.unwrap();
        host.run(&mut conversation).await.unwrap()
    });
    assert_eq!(run.await.unwrap().text(), "Hi.");
}

#[tokio::test]
async fn field_42_what_was_taken_back_in_memory_is_an_entry_and_replayed_the_same() {
    let (place, (team, _)) =
        (Place::new(), team(&["main"], |_, turn| Reply::text(format!("Answer {turn}."))));
    let journal = place.open();
    let mut conversation = start();
    let host = journal.host(team.clone(), &mut conversation).await.unwrap();
    host.run(&mut conversation).await.unwrap();
    conversation.say("Wrong.");
    host.run(&mut conversation).await.unwrap();
    let behind = conversation.clone();
    conversation.take_back().unwrap();
    let end = End::Other("nothing was said: say something first".to_owned());
    assert_eq!(host.run(&mut conversation).await.unwrap(), end);
    assert_eq!(kinds(&place), "became answered said answered taken_back");

    // A process that does not know it yet continues from there.
    let mut older = behind.clone();
    assert_eq!(host.run(&mut older).await.unwrap(), end);
    assert_eq!(older, conversation);
    drop(host);
    let mut older = behind;
    let host = journal.host(team.clone(), &mut older).await.unwrap();
    assert_eq!(older, conversation);

    // Said, taken back twice, and said again, all between two runs.
    conversation.say("Wrong again.");
    conversation.take_back().unwrap();
    conversation.take_back().unwrap();
    conversation.say("Right.");
    assert_eq!(host.run(&mut conversation).await.unwrap().text(), "Answer 0.");
    assert_eq!(
        kinds(&place),
        "became answered said answered taken_back said taken_back taken_back said answered"
    );
    assert_eq!(place.open().conversation("s").unwrap(), conversation);
    conversation.take_back().unwrap();
    drop(host);
    let _host = journal.host(team, &mut conversation).await.unwrap();
    assert_eq!(
        place.open().conversation("s").unwrap(),
        conversation,
        "also in a process that opens the session later"
    );
}

#[tokio::test]
async fn field_42_calls_that_wait_are_taken_back_with_what_led_to_them() {
    let (place, (team, log)) = (Place::new(), team(&["main"], says));
    let journal = place.open();
    let mut conversation = start();
    let host = journal.host(team, &mut conversation).await.unwrap();
    assert!(matches!(host.run(&mut conversation).await.unwrap(), End::Waiting(_)));
    conversation.take_back().unwrap();
    conversation.say("Something else.");
    let end = host.run(&mut conversation).await.unwrap();
    assert!(matches!(&end, End::Waiting(calls) if calls[0].key == "s/call_0_2_2"), "{end:?}");
    assert!(journal.approve("s/call_0_2").await.is_err(), "it does not wait any more");
    let kept = journal.conversation("s").unwrap();
    assert_eq!(kept, conversation);
    assert!(kinds(&place).contains(" taken_back said "), "{}", kinds(&place));
    // Each call has a result. Otherwise the conversation could not be read again.
    let written = serde_json::to_string(&kept).unwrap();
    assert_eq!(serde_json::from_str::<Conversation>(&written).unwrap(), kept);
    assert_eq!(log.made()["s/call_0_0"], 1);
}

#[tokio::test]
async fn field_77_a_run_on_a_journal_is_read_event_by_event_and_then_awaited() {
    let (place, (team, _)) = (
        Place::new(),
        team(&["main"], |_, turn| match turn {
            0 => calls([("act", json!({"say": "looked"}))]),
            _ => Reply::text("Done."),
        }),
    );
    let journal = place.open();
    let mut conversation = start();
    let host = journal.host(team, &mut conversation).await.unwrap();
    let log = EventLog::new(80);
    let mut run = host.run(&mut conversation);
    let mut lines = Vec::new();
    while let Some(event) = run.next().await {
        // As JSON, like for a browser.
        let event: Event = serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
        lines.extend(log.line(&event).map(|line| line[12..].to_owned()));
    }
    assert_eq!(run.next().await, None);
    assert_eq!(run.await.unwrap().text(), "Done.");
    assert_snapshot!(lines.join("\n"), @r#"
    main: > act {"say":"looked"}
    main: < act = looked
    main: answers: Done.
    "#);

    // After a drop in the middle it continues. The next run has its own events and does not repeat
    // earlier ones.
    conversation.say("More.");
    let mut run = host.run(&mut conversation);
    assert!(run.next().await.is_some());
    drop(run);
    let mut run = host.run(&mut conversation);
    let mut events = Vec::new();
    while let Some(event) = run.next().await {
        events.push(event.kind);
    }
    let is_end = |kind: &EventKind| matches!(kind, EventKind::Ended(End::Answered(_)));
    assert!(events.iter().position(is_end) == Some(events.len() - 1), "{events:?}");
    assert_eq!(run.await.unwrap().text(), "Done.");
}
