//! Stopping runs, and single calls of them.

use std::sync::{Arc, Mutex};

use agent_core::{
    Agent, Block, Cancel, Conversation, End, EventKind, Limits, Message, RunError, StopReason, Team, Usage,
    event::EventLog,
    host::{LocalHost, drive},
    script::{Reply, Script},
    tool::Permits,
};
use futures::StreamExt;
use insta::assert_snapshot;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::common::{Act, Log, agent, calls, ms, one_turn, team};

/// Runs a conversation and calls a function after some time. Returns how the run ended, and after
/// how long.
async fn run_until(
    team: &Team,
    conversation: &mut Conversation,
    milliseconds: u64,
    stop: impl FnOnce(&Cancel),
) -> (Result<End, RunError>, u128) {
    let (cancel, began) = (Cancel::new(), Instant::now());
    let stopping = async {
        sleep(ms(milliseconds)).await;
        stop(&cancel);
    };
    let (end, ()) = futures::join!(team.run(conversation).cancelled_by(&cancel), stopping);
    (end, began.elapsed().as_millis())
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_cancelled_fails_and_the_others_and_the_run_go_on() {
    let (team, _, log) = one_turn(calls([("act", json!({"ms": 1000})), ("act", json!({"ms": 100}))]));
    let mut conversation = Conversation::start("main", "Go.");
    let stop = |cancel: &Cancel| {
        assert!(cancel.call("run/call_0_0"));
        assert!(!cancel.call("run/call_9"), "there is none");
    };
    let (end, took) = run_until(&team, &mut conversation, 50, stop).await;
    assert_eq!((end, took, log.open()), (Ok(End::Answered("Done.".to_owned())), 100, 0));
    assert_snapshot!(conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act {"ms":1000}
      > call_0_1 act {"ms":100}
      < call_0_0 failed: cancelled
      < call_0_1 = done
    main: Done.
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cancelled_keeps_what_has_ended_and_goes_on_from_there() {
    let (team, _, log) = one_turn(calls([
        ("act", json!({"ms": 100})),
        ("act", json!({"ms": 1000})),
        ("act", json!({"ms": 50})),
    ]));
    let mut conversation = Conversation::start("main", "Go.");
    let (end, took) = run_until(&team, &mut conversation, 150, Cancel::all).await;
    assert_eq!((end, took), (Err(RunError::Cancelled), 150));
    assert_snapshot!(conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act {"ms":100}
      > call_0_1 act {"ms":1000}
      > call_0_2 act {"ms":50}
      < call_0_0 = done
      < call_0_1 failed: cancelled
      < call_0_2 = done
    "#);
    // An aborted task ends when it is polled next.
    tokio::task::yield_now().await;
    let end = team.run(&mut conversation).await.unwrap();
    assert_eq!((end.text(), log.begun().len(), log.open()), ("Done.", 3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_is_cancelled_was_never_asked_for() {
    let slow = || vec![Reply::text("Hi.").after(ms(1000)), Reply::text("Hello.")];
    let (team, _, _) = team([("main", slow())]);
    let mut conversation = Conversation::start("main", "Go.");
    let before = conversation.clone();
    let (end, took) = run_until(&team, &mut conversation, 150, Cancel::all).await;
    assert_eq!((end, took), (Err(RunError::Cancelled), 150));
    assert_eq!(conversation, before);
}

#[tokio::test(start_paused = true)]
async fn a_delegation_is_cancelled_with_all_that_goes_on_in_it() {
    for in_its_tool in [true, false] {
        let expert = match in_its_tool {
            true => calls([("act", json!({"ms": 1000}))]),
            false => Reply::text("Yes.").after(ms(1000)),
        };
        let ask = calls([("act", json!({"to": "expert"})), ("act", json!({"ms": 100}))]);
        let (team, model, log) = team([("main", vec![ask, Reply::text("Done.")]), ("expert", vec![expert])]);
        let mut conversation = Conversation::start("main", "Go.");
        let stop = |cancel: &Cancel| assert!(cancel.call("run/call_0_0"));
        let (end, took) = run_until(&team, &mut conversation, 50, stop).await;
        assert_eq!((end, took, log.open()), (Ok(End::Answered("Done.".to_owned())), 100, 0));
        assert_eq!(model.requests().len(), 3, "the expert is not asked again");
        let did = "\n  | Its calls so far:\n  | - act {\"ms\":1000} failed: cancelled";
        let transcript = conversation.to_string();
        assert_eq!(transcript.contains(did), in_its_tool, "{transcript}");
        insta::allow_duplicates! {
            assert_snapshot!(transcript.replace(did, ""), @r#"
            user: Go.
              > call_0_0 act {"to":"expert"}
              > call_0_1 act {"ms":100}
              < call_0_0 failed: expert stopped: it was cancelled
              < call_0_1 = done
            main: Done.
            "#);
        }
    }
}

/// The events of a run with calls of `look`, one of which is stopped after 50 ms.
async fn told(inputs: [serde_json::Value; 2], stopped: &str, permits: Permits) -> (String, String, Log) {
    let log = Log::default();
    let model = Script::new([calls(inputs.map(|input| ("look", input))), Reply::text("Done.")]);
    let look = Act::new("look", &log).spec(|spec| (spec.read_only, spec.shared) = (true, true));
    let agent = agent("main", &model, &log).tool(look).build().unwrap();
    let (mut conversation, cancel) = (Conversation::start("main", "Go."), Cancel::new());
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = told.clone();
    let run = agent.run(&mut conversation).cancelled_by(&cancel).limits(Limits::new().permits(permits));
    let run = run.listen(move |event| {
        let is_of_call = matches!(event.kind, EventKind::CallStarted { .. } | EventKind::CallEnded { .. });
        listener.lock().unwrap().extend(EventLog::new(100).line(event).filter(|_| is_of_call));
    });
    let stopping = async {
        sleep(ms(50)).await;
        assert!(cancel.call(stopped));
        sleep(ms(1)).await;
        log.open()
    };
    let (end, open) = futures::join!(run, stopping);
    assert_eq!(end.unwrap().text(), "Done.");
    let told = told.lock().unwrap().join("\n");
    (format!("{told}\n{open} open after 51 ms"), conversation.to_string(), log)
}

#[tokio::test(start_paused = true)]
async fn a_call_that_only_reads_is_stopped_at_once() {
    let inputs = [json!({"ms": 1000}), json!({"ms": 100})];
    let (lines, _, _) = told(inputs, "run/call_0_0", Permits::new(2)).await;
    assert_snapshot!(lines, @r#"
       0.000 s  main: > look {"ms":1000}
       0.000 s  main: > look {"ms":100}
       0.050 s  main: < look failed: cancelled
       0.100 s  main: < look = done
    1 open after 51 ms
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_twin_goes_on_when_the_other_is_stopped() {
    for stopped in ["run/call_0_0", "run/call_0_1"] {
        let (lines, conversation, log) =
            told([json!({"ms": 100}), json!({"ms": 100})], stopped, Permits::new(2)).await;
        assert_eq!(log.ended().len(), 1);
        assert_eq!(conversation.matches("failed: cancelled").count(), 1, "{conversation}");
        assert_eq!((lines.matches("> look").count(), lines.matches("< look").count()), (2, 2), "{lines}");
        assert!(lines.contains("0.050 s  main: < look failed: cancelled"), "{lines}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_is_stopped_while_the_reply_that_makes_it_still_streams_and_its_twin_is_made() {
    let log = Log::default();
    let looks = [800, 100, 800, 100].map(|milliseconds| ("look", json!({"ms": milliseconds})));
    let model = Script::new([calls(looks).per_block(ms(100)), Reply::text("Done.")]);
    let look = Act::new("look", &log).spec(|spec| (spec.read_only, spec.shared) = (true, true));
    let team = Team::new([Agent::builder("main", model).tool(look).build().unwrap()]).unwrap();
    let mut conversation = Conversation::start("main", "Go.");
    // The first call begins with the second block, at 200 ms. Its equal call begins with the fourth
    // block.
    let stop = |cancel: &Cancel| assert!(cancel.call("run/call_0_0"));
    let (end, took) = run_until(&team, &mut conversation, 250, stop).await;
    assert_eq!((end.unwrap().text(), took, log.ended().len()), ("Done.", 1200, 2));
    assert_snapshot!(conversation.to_string(), @r#"
    user: Go.
      > call_0_0 look {"ms":800}
      > call_0_1 look {"ms":100}
      > call_0_2 look {"ms":800}
      > call_0_3 look {"ms":100}
      < call_0_0 failed: cancelled
      < call_0_1 = done
      < call_0_2 = done
      < call_0_3 = done
    main: Done.
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_a_permit_is_stopped_before_it_starts() {
    let inputs = [json!({"ms": 100}), json!({"ms": 10})];
    let (lines, _, log) = told(inputs, "run/call_0_1", Permits::new(1)).await;
    assert_eq!(log.begun().len(), 1);
    assert_snapshot!(lines, @r#"
       0.000 s  main: > look {"ms":100}
       0.050 s  main: < look failed: cancelled
       0.100 s  main: < look = done
    1 open after 51 ms
    "#);
}

#[tokio::test(start_paused = true)]
async fn runs_of_conversations_with_one_id_are_stopped_alike_and_do_not_stop_each_other() {
    let cancel = Cancel::new();
    let run = async |milliseconds: u64| {
        let ask = calls([("act", json!({"to": "expert"})), ("act", json!({"ms": milliseconds}))]);
        let expert = calls([("act", json!({"ms": 100}))]);
        let (team, _, _) =
            team([("main", vec![ask, Reply::text("Done.")]), ("expert", vec![expert, Reply::text("Yes.")])]);
        let mut conversation = Conversation::start("main", "Go.");
        team.run(&mut conversation).cancelled_by(&cancel).await.unwrap();
        conversation.to_string()
    };
    let stopping = async {
        sleep(ms(50)).await;
        // The call with this key in the other run has ended.
        assert!(cancel.call("run/call_0_1"));
    };
    let (one, other, ()) = futures::join!(run(1000), run(10), stopping);
    let failed = |transcript: &str| transcript.matches("failed").count();
    assert_eq!((failed(&one), failed(&other)), (1, 0), "{one}{other}");
}

#[tokio::test(start_paused = true)]
async fn field_68_a_cancel_stops_the_runs_that_have_it_and_no_later_ones() {
    let cancel = Cancel::new();
    let (team, _, _) = one_turn(calls([("act", json!({"ms": 100}))]));
    let mut conversation = Conversation::start("main", "Go.");
    // For each run: whether it is polled before, and whether all is stopped before or after the run
    // gets the cancel.
    for (given_before, polled, expected) in [
        (true, false, Err(RunError::Cancelled)),
        (true, true, Err(RunError::Cancelled)),
        (false, false, Ok(End::Answered("Done.".to_owned()))),
    ] {
        if !given_before {
            cancel.clone().all();
            cancel.all();
        }
        let mut run = std::pin::pin!(team.run(&mut conversation).cancelled_by(&cancel));
        if polled {
            assert!(futures::poll!(&mut run).is_pending());
        }
        if given_before {
            cancel.clone().all();
        }
        assert_eq!(run.await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn field_68_of_many_conversations_those_that_have_not_begun_are_stopped_too() {
    let cancel = Cancel::new();
    let three = || (0..3).map(|_| Conversation::start("main", "Go."));
    let run = async |stopped_after: u64| {
        let model = Script::by(|_| Reply::text("Done.").after(ms(100)));
        let team = Team::new([agent("main", &model, &Log::default()).build().unwrap()]).unwrap();
        let many = team.run_many(three(), 1).cancelled_by(&cancel);
        let stopping = async {
            sleep(ms(stopped_after)).await;
            cancel.all();
        };
        let (ends, ()) =
            futures::join!(many.map(|finished| finished.end.is_ok()).collect::<Vec<_>>(), stopping);
        ends
    };
    assert_eq!(run(150).await, [true, false, false]);
    assert_eq!(run(1_000).await, [true, true, true]);
}

/// A reply with this text, one word every 10 ms, and then a tool call.
fn slowly(text: &str) -> Reply {
    Reply::text(text)
        .and_call("act", json!({"say": "never, never"}))
        .per_token(ms(10))
        .usage(Usage::new(7, 5))
}

/// Runs with partial replies kept, and cancels the run after some time.
async fn kept(team: &Team, conversation: &mut Conversation, milliseconds: u64) -> Result<End, RunError> {
    let cancel = Cancel::new();
    let stopping = async {
        sleep(ms(milliseconds)).await;
        cancel.all();
    };
    let run = team.run(conversation).cancelled_by(&cancel).keep_partial_reply(true);
    futures::join!(run, stopping).0
}

#[tokio::test(start_paused = true)]
async fn field_52_what_was_shown_of_a_reply_that_is_cancelled_is_kept_if_one_says_so() {
    let cut = || Ok(End::Cut(StopReason::Cancelled));
    let cancelled = || Err(RunError::Cancelled);
    // Text, a part of a call, or a whole call. After 40 ms all text has come.
    for (after, end, said) in [
        (5, cancelled(), None),
        (15, cut(), Some("One ")),
        (35, cut(), Some("One two three ")),
        (45, cut(), Some("One two three four.")),
        (55, cut(), Some("One two three four.")),
    ] {
        let replies = vec![slowly("One two three four."), Reply::text("Five.")];
        let (team, model, log) = team([("main", replies)]);
        let mut conversation = Conversation::start("main", "Count.");
        assert_eq!(kept(&team, &mut conversation, after).await, end, "{after} ms");
        let text = said.map(|said| Message::assistant(vec![Block::text(said)]));
        assert_eq!(conversation.messages().get(1), text.as_ref(), "{after} ms");
        assert!(log.begun().is_empty(), "{after} ms");
        if said.is_none() {
            continue;
        }
        assert_eq!(conversation.usage().input_tokens, 7, "{after} ms");
        // The run stays ended until the user goes on. Then the model reads all of it.
        assert_eq!(team.run(&mut conversation).await, end);
        conversation.say("Go on.");
        assert_eq!(team.run(&mut conversation).await.unwrap().text(), "Five.");
        let read: Vec<String> = model.requests()[1].messages.iter().map(Message::text).collect();
        assert_eq!(read, ["Count.", said.unwrap(), "Go on."]);
    }
}

#[tokio::test(start_paused = true)]
async fn field_52_nothing_is_kept_unless_one_says_so_and_thinking_never_is() {
    let (team, _, _) = team([("main", vec![slowly("One two three four.")])]);
    let mut conversation = Conversation::start("main", "Count.");
    let (end, _) = run_until(&team, &mut conversation, 35, Cancel::all).await;
    assert_eq!((end, conversation.messages().len()), (Err(RunError::Cancelled), 1));

    let thinking = r#"{"type":"thinking","thinking":"Hm, well.","signature":"c2ln"}"#;
    let reply = Reply::default().and_block(serde_json::from_str(thinking).unwrap()).and_text("One two.");
    let model = Script::by(move |_| reply.clone().per_token(ms(10)));
    let main = agent("main", &model, &Log::default()).build().unwrap();
    let team = Team::new([main]).unwrap();
    // Two words of thinking and a signature, then two words of text.
    for (after, texts) in [(25, vec![]), (45, vec!["One "])] {
        let mut conversation = Conversation::start("main", "Count.");
        let _ = kept(&team, &mut conversation, after).await;
        let said: Vec<String> = conversation.messages()[1..].iter().map(Message::text).collect();
        assert_eq!(said, texts, "{after} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn field_52_in_a_delegated_conversation_and_after_a_transfer_it_is_kept_too() {
    let (team, _, _) = team([
        ("main", vec![calls([("act", json!({"to": "b"}))])]),
        ("b", vec![slowly("One two three four.")]),
    ]);
    let mut conversation = Conversation::start("main", "Count.");
    assert_eq!(kept(&team, &mut conversation, 35).await, Err(RunError::Cancelled));
    let text = conversation.to_string();
    assert!(text.contains("One two three"), "{text}");

    let (team, _, _) = self::team([
        ("main", vec![calls([("act", json!({"transfer": "b"}))])]),
        ("b", vec![slowly("One two three four.")]),
    ]);
    let mut conversation = Conversation::start("main", "Count.");
    assert_eq!(kept(&team, &mut conversation, 35).await, Ok(End::Cut(StopReason::Cancelled)));
    assert_eq!((conversation.agent(), conversation.text().as_str()), ("b", "One two three "));
}

/// Runs with partial replies kept or not, and drops the run after some time. Returns the messages
/// after the user's.
async fn dropped(team: &Team, conversation: &mut Conversation, keep: bool, milliseconds: u64) -> Vec<String> {
    let run = team.run(conversation).keep_partial_reply(keep);
    assert!(tokio::time::timeout(ms(milliseconds), run).await.is_err(), "it was over before");
    let read: Conversation = serde_json::from_str(&serde_json::to_string(conversation).unwrap()).unwrap();
    assert_eq!(read, *conversation);
    conversation.messages()[1..].iter().map(Message::text).collect()
}

#[tokio::test(start_paused = true)]
async fn field_52_what_was_shown_of_a_reply_whose_run_is_dropped_is_kept_if_one_says_so() {
    for (keep, after, said) in [
        (true, 5, None),
        (true, 15, Some("One ")),
        (true, 35, Some("One two three ")),
        (true, 55, Some("One two three four.")),
        (false, 35, None),
    ] {
        let whole = "One two three four.";
        let (team, model, log) = team([("main", vec![slowly(whole), Reply::text("Five.")])]);
        let mut conversation = Conversation::start("main", "Count.");
        let texts = dropped(&team, &mut conversation, keep, after).await;
        assert_eq!(texts, Vec::from_iter(said), "{keep}, {after} ms");
        let end = End::Cut(StopReason::Cancelled);
        if said.is_some() {
            // The run stays ended until the user goes on. Then the model reads all of it.
            assert_eq!(team.run(&mut conversation).await.unwrap(), end);
            assert_eq!(conversation.usage().input_tokens, 7);
        }
        conversation.say("Go on.");
        assert_eq!(team.run(&mut conversation).await.unwrap().text(), "Five.");
        let read: Vec<String> = model.requests()[1].messages.iter().map(Message::text).collect();
        assert_eq!(read.concat(), ["Count.", said.unwrap_or(""), "Go on."].concat());
        assert!(log.begun().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn field_52_of_a_reply_that_was_shown_before_its_run_is_dropped_nothing_is_kept_twice() {
    // The run is dropped in its tool call, or in the reply after it.
    let first = || Reply::text("Wait.").and_call("act", json!({"ms": 100}));
    for (after, texts) in [(50, vec!["Wait."]), (125, vec!["Wait.", "", "One two "])] {
        let (team, _, _) = team([("main", vec![first(), slowly("One two three four.")])]);
        let mut conversation = Conversation::start("main", "Count.");
        assert_eq!(dropped(&team, &mut conversation, true, after).await, texts, "{after} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn field_52_of_a_run_that_is_dropped_it_is_kept_after_a_transfer_and_not_in_a_delegated_conversation() {
    let parts = |call: serde_json::Value| {
        team([
            ("main", vec![calls([("act", call)]), Reply::text("Done.")]),
            ("b", vec![slowly("One two three four."), Reply::text("Four.")]),
        ])
    };
    let (team, _, _) = parts(json!({"transfer": "b"}));
    let mut conversation = Conversation::start("main", "Count.");
    assert_eq!(dropped(&team, &mut conversation, true, 35).await, ["", "", "One two three "]);
    assert_eq!(conversation.agent(), "b");

    let (team, _, _) = parts(json!({"to": "b"}));
    let mut conversation = Conversation::start("main", "Count.");
    assert_eq!(dropped(&team, &mut conversation, true, 35).await, [""]);
    // The next run asks for the whole reply.
    assert_eq!(team.run(&mut conversation).keep_partial_reply(true).await.unwrap().text(), "Done.");
    assert!(conversation.to_string().contains("< call_0_0 = Four."), "{conversation}");
}

#[tokio::test(start_paused = true)]
async fn a_host_with_two_cancels_is_stopped_by_either() {
    for stops in [0, 1] {
        let (team, _, _) = team([("main", vec![calls([("act", json!({"ms": 100}))])])]);
        let (cancels, mut conversation) =
            ([Cancel::new(), Cancel::new()], Conversation::start("main", "Go."));
        let host = LocalHost::new(team.clone()).cancelled_by(&cancels[0]).cancelled_by(&cancels[1]);
        let other = LocalHost::new(team).cancelled_by(&cancels[0]);
        let stop = async {
            sleep(ms(50)).await;
            cancels[stops].all();
        };
        let began = Instant::now();
        let (end, ()) = futures::join!(drive(&mut conversation, &host), stop);
        assert_eq!((end, began.elapsed().as_millis()), (Err(RunError::Cancelled), 50), "{stops}");
        let other = drive(&mut Conversation::start("main", "Go."), &other).await;
        assert_eq!(other == Err(RunError::Cancelled), stops == 0, "a run with only the first: {other:?}");
    }
}
