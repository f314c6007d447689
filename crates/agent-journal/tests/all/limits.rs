//! The limits of a run hold on a journal, and the journal can be read back.

use agent_core::{
    Block, End, Limits, Outcome, Response, RunError, StopReason, conversation::Change, script::Reply,
    tool::Done,
};
use agent_journal::JournalHostError;
use serde_json::json;

use crate::common::{Place, calls, start, team};

#[tokio::test]
async fn field_83_a_conversation_that_is_as_deep_as_can_be_is_kept_and_read_back() {
    let place = Place::new();
    let mut conversation = start();
    let mut id = conversation.id().to_owned();
    for _ in 0..Limits::DEEPEST {
        let reply = Response::new(vec![Block::tool_use("a", "act", json!({}))], StopReason::ToolUse);
        conversation.apply(&id, Change::Answered(reply)).unwrap();
        let done: Done = Outcome::delegate("main", "Well?").into();
        conversation.apply(&id, Change::Recorded { call: "a".to_owned(), done }).unwrap();
        id.push_str("/a");
    }
    let (nobody, _) = team(&["main"], |_, _| Reply::text("Never."));
    drop(place.open().host(nobody, &mut conversation).await.unwrap());
    let journal = place.open();
    assert_eq!(journal.conversation("s").unwrap(), conversation);
    let exported = journal.export("s").unwrap();
    journal.import(&exported, Some("t")).await.unwrap();
    assert_eq!(journal.conversation("t").unwrap(), conversation.with_id("t"));
}

#[tokio::test]
async fn field_83_a_run_that_delegates_without_end_is_as_deep_as_can_be_and_is_read_back() {
    let place = Place::new();
    let (team, log) = team(&["main"], |_, turn| match turn {
        0 => calls([("act", json!({"to": "main"}))]),
        _ => Reply::text("Enough."),
    });
    let mut conversation = start();
    let journal = place.open();
    let team = team.with_limits(Limits::new().depth(2_000));
    let end = journal.host(team, &mut conversation).await.unwrap().run(&mut conversation).await.unwrap();
    assert_eq!((end.text(), log.asked().len()), ("Enough.", 2 * (Limits::DEEPEST as usize + 1)));
    assert_eq!(place.open().conversation("s").unwrap(), conversation);
}

#[tokio::test]
async fn field_46_calls_beside_the_word_that_the_turn_has_ended_are_made_and_kept() {
    let place = Place::new();
    let (team, log) = team(&["main"], |_, turn| match turn {
        0 => calls([("act", json!({})), ("act_once", json!({}))]).stop(StopReason::EndTurn),
        _ => Reply::text("Done."),
    });
    let mut conversation = start();
    let journal = place.open();
    let end = journal.host(team, &mut conversation).await.unwrap().run(&mut conversation).await.unwrap();
    assert_eq!((end, log.made().len()), (End::Answered("Done.".to_owned()), 2));
    assert_eq!(place.open().conversation("s").unwrap(), conversation);
}

#[tokio::test]
async fn field_51_the_requests_of_a_run_are_counted_on_a_journal_too_and_the_next_run_goes_on() {
    let place = Place::new();
    let four = || calls(vec![("act", json!({"to": "main"})); 4]);
    let (team, log) = team(&["main"], move |_, _| four());
    let mut conversation = start();
    for run in 1..=2 {
        let journal = place.open();
        let team = team.clone().with_limits(Limits::new().requests(7));
        let host = journal.host(team, &mut conversation).await.unwrap();
        let error = host.run(&mut conversation).await.unwrap_err();
        assert_eq!(error, JournalHostError::Run(RunError::RequestLimit { most: 7 }));
        assert_eq!(log.asked().len(), 7 * run);
        drop(host);
        assert_eq!(place.open().conversation("s").unwrap(), conversation);
    }
}

#[tokio::test]
async fn field_51_each_run_of_a_host_counts_anew() {
    let place = Place::new();
    let (team, log) = team(&["main"], |_, _| calls([("act", json!({}))]));
    let mut conversation = start();
    let journal = place.open();
    let team = team.with_limits(Limits::new().turns(100).requests(3).calls(2));
    let host = journal.host(team, &mut conversation).await.unwrap();
    for run in 1..=2 {
        let error = host.run(&mut conversation).await.unwrap_err();
        assert_eq!(error, JournalHostError::Run(RunError::RequestLimit { most: 3 }));
        assert_eq!((log.asked().len(), log.made().len()), (3 * run, 2 * run));
    }
}

#[tokio::test]
async fn field_51_the_turns_that_an_agent_has_left_are_the_same_for_who_reads_the_journal() {
    // `main` hands over each time it is asked to `b`, which never finishes: in one run, or in one
    // run per request.
    for most in [200, 1] {
        let place = Place::new();
        let (team, log) = team(&["main", "b"], |agent, _| match agent {
            "main" => calls([("act", json!({"transfer": "b"}))]),
            _ => calls([("act", json!({}))]),
        });
        let mut conversation = start();
        let (mut runs, limits) = (0, Limits::new().turns(3).requests(most));
        let end = loop {
            let journal = place.open();
            let host =
                journal.host(team.clone().with_limits(limits.clone()), &mut conversation).await.unwrap();
            let end = host.run(&mut conversation).await;
            drop(host);
            assert_eq!(place.open().conversation("s").unwrap(), conversation);
            // Another process knows only the journal.
            conversation = place.open().conversation("s").unwrap();
            runs += 1;
            match end {
                Ok(end) => break end,
                Err(error) => assert_eq!(error, JournalHostError::Run(RunError::RequestLimit { most })),
            }
        };
        let asked: Vec<String> =
            log.asked().iter().map(|asked| asked.split(' ').next().unwrap().into()).collect();
        assert_eq!((end, asked.join(" ").as_str()), (End::TurnLimit(5), "main b b b main"), "{most} a run");
        assert_eq!(runs, if most == 1 { 5 } else { 1 });
    }
}

#[tokio::test]
async fn field_81_calls_beyond_what_a_reply_may_hold_are_refused_and_kept_so() {
    let place = Place::new();
    let (team, log) = team(&["main"], |_, turn| match turn {
        0 => calls(vec![("act_once", json!({})); 300]),
        _ => Reply::text("Done."),
    });
    let mut conversation = start();
    let journal = place.open();
    journal.host(team, &mut conversation).await.unwrap().run(&mut conversation).await.unwrap();
    let refused = "failed: not run: the limit of 256 tool calls per reply is reached";
    assert_eq!((log.made().len(), conversation.to_string().matches(refused).count()), (256, 44));
    assert_eq!(place.open().conversation("s").unwrap(), conversation);
}
