//! Decisions of people about calls of a run that goes on.

use agent_core::{
    Agent, Conversation, End, Event, EventKind, Limits, Team,
    budget::Budget,
    host::{Decisions, Mode},
    script::{Reply, Script},
    tool::ExclusiveBy,
};
use insta::assert_snapshot;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::common::{Act, Log, calls, ms, one_turn, team};

/// A decision so many ms after the start: a key, and why the call is denied, if it is.
type Decided = (u64, &'static str, Option<&'static str>);

fn approved(at: u64, key: &'static str) -> Decided {
    (at, key, None)
}

fn denied(at: u64, key: &'static str) -> Decided {
    (at, key, Some("not today"))
}

fn decide(decisions: &Decisions, (_, key, why): Decided) -> bool {
    let decided = match why {
        None => decisions.approve(key),
        Some(why) => decisions.deny(key, why),
    };
    decided.is_ok()
}

/// Runs a conversation, and decides meanwhile. Returns how it ended, when, and the ends that were
/// told of calls.
async fn decided_run(
    team: &Team,
    conversation: &mut Conversation,
    all: impl IntoIterator<Item = Decided>,
) -> (End, u128, String) {
    let mut run = team.run(conversation);
    let (decisions, began, mut told) = (run.decisions(), Instant::now(), String::new());
    let deciding = async {
        for decision in all {
            sleep(ms(decision.0).saturating_sub(began.elapsed())).await;
            assert!(decide(&decisions, decision), "{decision:?} does not wait");
        }
    };
    let running = async {
        while let Some(Event { kind, at, conversation: of, .. }) = run.next().await {
            let at = at.as_millis();
            match kind {
                EventKind::CallWaiting { key, .. } => told += &format!("{at} {key} waits\n"),
                EventKind::CallStarted { id, .. } => told += &format!("{at} {of}/{id} starts\n"),
                EventKind::CallCouldStartEarlier { id, by, .. } => {
                    told += &format!("{at} {of}/{id} could start {by:?} earlier\n");
                }
                EventKind::CallEnded { id, result, .. } => told += &format!("{at} {of}/{id} = {result}\n"),
                _ => {}
            }
        }
        (run.await.unwrap(), began.elapsed().as_millis())
    };
    let ((end, took), ()) = tokio::join!(running, deciding);
    (end, took, told)
}

/// Like `check`, with an agent whose calls could all start early. The tool `act_read` only reads, so
/// that its calls do, and equal ones share an execution.
async fn check_early(reply: Reply, all: impl IntoIterator<Item = Decided>, expected: (u128, &str)) {
    let (model, log) = (Script::new([reply, Reply::text("Done.")]), Log::default());
    let read = Act::new("act_read", &log).spec(|spec| (spec.read_only, spec.idempotent) = (true, true));
    let agent = Agent::builder("main", model).tool(read).tool(Act::new("act", &log)).build().unwrap();
    let team = Team::new([agent]).unwrap();
    check_team(&team, all, expected).await;
}

async fn check(reply: Reply, all: impl IntoIterator<Item = Decided>, expected: (u128, &str)) {
    let clerk = calls([
        ("act", json!({"ask": "May I?", "say": "filed", "ms": 10})),
        ("act", json!({"ask": "And this?", "say": "sent", "ms": 10})),
    ]);
    let (team, _, _) =
        team([("main", vec![reply, Reply::text("Done.")]), ("clerk", vec![clerk, Reply::text("Filed.")])]);
    check_team(&team, all, expected).await;
}

async fn check_team(team: &Team, all: impl IntoIterator<Item = Decided>, expected: (u128, &str)) {
    let mut conversation = Conversation::start("main", "Go.");
    let (end, took, told) = decided_run(team, &mut conversation, all).await;
    assert_eq!((end.text(), took), ("Done.", expected.0), "{told}");
    let expected: Vec<&str> = expected.1.trim().lines().map(str::trim).collect();
    assert_eq!(told.lines().collect::<Vec<_>>(), expected);
}

fn ask() -> (&'static str, Value) {
    ("act", json!({"ask": "Delete?", "say": "deleted", "ms": 10}))
}

fn slow() -> (&'static str, Value) {
    ("act", json!({"ms": 1000}))
}

#[tokio::test(start_paused = true)]
async fn an_approved_call_is_made_at_once_beside_the_others() {
    let told = "
        0 run/call_0_0 starts
        0 run/call_0_1 starts
        10 run/call_0_0 waits
        50 run/call_0_0 starts
        60 run/call_0_0 = deleted
        1000 run/call_0_1 = done
    ";
    check(calls([ask(), slow()]), [approved(50, "run/call_0_0")], (1000, told)).await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_only_read_and_share_an_execution_are_asked_about_and_made_each_as_it_is_decided() {
    let read = || ("act_read", json!({"ask": "Read?", "say": "read", "ms": 10}));
    let told = "
        0 run/call_0_3 starts
        0 run/call_0_0 starts
        0 run/call_0_1 starts
        0 run/call_0_2 starts
        10 run/call_0_0 waits
        10 run/call_0_1 waits
        10 run/call_0_2 waits
        50 run/call_0_0 starts
        60 run/call_0_0 = read
        100 run/call_0_1 = denied: not today
        150 run/call_0_2 starts
        160 run/call_0_2 = read
        1000 run/call_0_3 = done
    ";
    let all = [approved(50, "run/call_0_0"), denied(100, "run/call_0_1"), approved(150, "run/call_0_2")];
    check_early(calls([read(), read(), read(), slow()]), all, (1000, told)).await;
}

#[tokio::test(start_paused = true)]
async fn it_is_not_said_that_an_approved_call_could_start_earlier() {
    let told = "
        0 run/call_0_0 starts
        0 run/call_0_1 starts
        10 run/call_0_0 waits
        500 run/call_0_0 starts
        510 run/call_0_0 = deleted
        1000 run/call_0_1 = done
    ";
    check_early(calls([ask(), slow()]), [approved(500, "run/call_0_0")], (1000, told)).await;
}

#[tokio::test(start_paused = true)]
async fn a_denied_call_ends_at_once() {
    let told = "
        0 run/call_0_0 starts
        0 run/call_0_1 starts
        10 run/call_0_1 waits
        50 run/call_0_1 = denied: not today
        1000 run/call_0_0 = done
    ";
    check(calls([slow(), ask()]), [denied(50, "run/call_0_1")], (1000, told)).await;
}

#[tokio::test(start_paused = true)]
async fn a_delegated_conversation_goes_on_when_its_calls_are_decided() {
    let reply = calls([("act", json!({"to": "clerk"})), slow()]);
    let told = "
        0 run/call_0_0 starts
        0 run/call_0_1 starts
        0 run/call_0_0/call_0_0 starts
        0 run/call_0_0/call_0_1 starts
        10 run/call_0_0/call_0_0 waits
        10 run/call_0_0/call_0_1 waits
        50 run/call_0_0/call_0_0 starts
        60 run/call_0_0/call_0_0 = filed
        200 run/call_0_0/call_0_1 = denied: not today
        200 run/call_0_0 = Filed.
        1000 run/call_0_1 = done
    ";
    check(reply, [approved(50, "run/call_0_0/call_0_0"), denied(200, "run/call_0_0/call_0_1")], (1000, told))
        .await;
}

#[tokio::test(start_paused = true)]
async fn decisions_of_one_moment_in_one_delegated_conversation_let_it_go_on_once() {
    let reply = calls([("act", json!({"to": "clerk"})), slow()]);
    let told = "
        0 run/call_0_0 starts
        0 run/call_0_1 starts
        0 run/call_0_0/call_0_0 starts
        0 run/call_0_0/call_0_1 starts
        10 run/call_0_0/call_0_0 waits
        10 run/call_0_0/call_0_1 waits
        50 run/call_0_0/call_0_0 starts
        50 run/call_0_0/call_0_1 starts
        60 run/call_0_0/call_0_0 = filed
        60 run/call_0_0/call_0_1 = sent
        60 run/call_0_0 = Filed.
        1000 run/call_0_1 = done
    ";
    let both = [approved(50, "run/call_0_0/call_0_0"), approved(50, "run/call_0_0/call_0_1")];
    check(reply, both, (1000, told)).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_decision_leads_to_may_wait_again_and_outlast_the_others() {
    let (team, _, _) = team([("main", vec![calls([ask(), ask(), slow()]), Reply::text("Done.")])]);
    let mut conversation = Conversation::start("main", "Go.");
    let (end, took, _) = decided_run(&team, &mut conversation, [approved(995, "run/call_0_0")]).await;
    let End::Waiting(waiting) = end else { panic!("{end:?}") };
    assert_eq!((waiting.len(), &*waiting[0].key, took), (1, "run/call_0_1", 1005));
    conversation.deny("run/call_0_1", "no").unwrap();
    assert_eq!(team.run(&mut conversation).await.unwrap().text(), "Done.");
}

#[tokio::test(start_paused = true)]
async fn calls_that_waited_before_the_run_are_decided_in_it() {
    let late = ("act", json!({"ask": "Really?", "say": "really", "ms": 1000}));
    let (team, _, log) = one_turn(calls([ask(), late]));
    let mut conversation = Conversation::start("main", "Go.");
    assert!(matches!(team.run(&mut conversation).await.unwrap(), End::Waiting(_)));
    conversation.approve("run/call_0_1").unwrap();
    let (end, took, _) = decided_run(&team, &mut conversation, [approved(50, "run/call_0_0")]).await;
    assert_eq!((end.text(), took), ("Done.", 1000));
    assert_eq!(log.ended().into_values().collect::<Vec<_>>(), [2, 2]);
}

#[tokio::test(start_paused = true)]
async fn in_order_an_approved_call_comes_before_the_calls_after_it() {
    let (team, _, log) = one_turn(calls([ask(), ("act", json!({"ms": 100})), ("act", json!({"ms": 500}))]));
    let mut conversation = Conversation::start("main", "Go.");
    let run = team.run(&mut conversation).mode(Mode::Sequential);
    let decisions = run.decisions();
    let (end, ()) = tokio::join!(run, async {
        sleep(ms(50)).await;
        decisions.approve("run/call_0_0").unwrap();
        sleep(ms(65)).await;
        assert_eq!((log.begun()["run/call_0_0"], log.begun().get("run/call_0_2")), (2, None));
    });
    assert_eq!((end.unwrap().text(), log.peak()), ("Done.", 1));
}

#[tokio::test(start_paused = true)]
async fn a_listener_may_decide_in_the_event_of_the_wait() {
    let (team, _, _) = one_turn(calls([ask()]));
    let mut conversation = Conversation::start("main", "Go.");
    let run = team.run(&mut conversation);
    let decisions = run.decisions();
    let run = run.listen(move |event| {
        if let EventKind::CallWaiting { key, .. } = &event.kind {
            decisions.approve(key).unwrap();
            assert!(decisions.deny(key, "twice").is_err());
        }
    });
    assert_eq!(run.await.unwrap().text(), "Done.");
}

#[tokio::test(start_paused = true)]
async fn a_decision_in_the_moment_when_the_run_ends_is_taken_up_by_it_and_later_nobody_decides() {
    let (team, _, _) = one_turn(calls([ask()]));
    let mut conversation = Conversation::start("main", "Go.");
    let run = team.run(&mut conversation);
    let decisions = run.decisions();
    let own = decisions.clone();
    let run = run.listen(move |event| {
        if let EventKind::Ended(End::Waiting(calls)) = &event.kind {
            own.deny(&calls[0].key, "no").unwrap();
        }
    });
    assert_eq!(run.await.unwrap().text(), "Done.");
    let error = decisions.approve("run/call_0_0").unwrap_err();
    assert_snapshot!(error, @r#"no call with the key "run/call_0_0" waits for a person (it may be decided already): Conversation::waiting lists the calls that wait, with their keys"#);
}

#[tokio::test(start_paused = true)]
async fn a_decision_that_a_dropped_run_has_not_taken_up_is_in_the_conversation() {
    for why in [None, Some("no")] {
        let (team, _, log) = one_turn(calls([ask(), slow()]));
        let mut conversation = Conversation::start("main", "Go.");
        let mut run = team.run(&mut conversation);
        while !matches!(run.next().await.unwrap().kind, EventKind::CallWaiting { .. }) {}
        assert!(decide(&run.decisions(), (0, "run/call_0_0", why)));
        drop(run);
        assert!(conversation.waiting().is_empty());
        assert_eq!(team.run(&mut conversation).await.unwrap().text(), "Done.");
        assert_eq!(log.begun()["run/call_0_0"], if why.is_some() { 1 } else { 2 });
    }
}

#[tokio::test(start_paused = true)]
async fn only_calls_that_wait_in_the_run_are_decided() {
    let teams = [(); 2].map(|()| one_turn(calls([ask(), slow()])).0);
    let (mut one, mut other) = (Conversation::start("main", "Go."), Conversation::start("main", "Go."));
    let (run, other) = (teams[0].run(&mut one), teams[1].run(&mut other));
    let decisions = run.decisions();
    assert!(decisions.approve("run/call_0_0").is_err(), "the run has not begun");
    let (end, waits, ()) = tokio::join!(run, other, async {
        sleep(ms(50)).await;
        for key in ["run/call_0_1", "run/call_0_9", "call_0_0", "other/call_0_0", ""] {
            assert!(decisions.approve(key).is_err(), "{key}");
        }
        decisions.approve("run/call_0_0").unwrap();
    });
    assert_eq!(end.unwrap().text(), "Done.");
    assert!(matches!(waits.unwrap(), End::Waiting(_)), "another run with the same key");
}

/// A conversation whose delegated one has a call that waits, and another that was not finished.
async fn dropped_while_one_below_waits(reply: Reply) -> (Team, Conversation, Log) {
    let clerk = vec![calls([ask(), slow()]), Reply::text("Filed.")];
    let (team, _, log) = team([("main", vec![reply, Reply::text("Done.")]), ("clerk", clerk)]);
    let mut conversation = Conversation::start("main", "Go.");
    let mut run = team.run(&mut conversation);
    while !matches!(run.next().await.unwrap().kind, EventKind::CallWaiting { .. }) {}
    drop(run);
    (team, conversation, log)
}

#[tokio::test(start_paused = true)]
async fn what_is_decided_about_a_delegated_conversation_that_waits_for_its_turn_is_taken_up_there() {
    for (mode, took) in [(Mode::Concurrent, 1000), (Mode::Sequential, 2000)] {
        for why in [None, Some("no")] {
            let reply = calls([slow(), ("act", json!({"to": "clerk"}))]);
            let (team, mut conversation, log) = dropped_while_one_below_waits(reply).await;
            let (began, run) = (Instant::now(), team.run(&mut conversation).mode(mode));
            let decisions = run.decisions();
            let (end, ()) = tokio::join!(run, async {
                sleep(ms(50)).await;
                assert!(decide(&decisions, (50, "run/call_0_1/call_0_0", why)));
            });
            let asked = if why.is_some() { 1 } else { 2 };
            // An approved call is made before the one after it.
            let took = if mode == Mode::Sequential && why.is_none() { took + 10 } else { took };
            assert_eq!((end.unwrap().text(), began.elapsed().as_millis()), ("Done.", took));
            let begun = log.begun();
            assert_eq!((begun["run/call_0_1/call_0_0"], begun["run/call_0_1/call_0_1"]), (asked, 2));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_approved_call_counts_once() {
    let (team, _, log) = one_turn(calls([ask(), slow()]));
    let mut conversation = Conversation::start("main", "Go.");
    let run = team.run(&mut conversation).limits(Limits::new().calls(2));
    let decisions = run.decisions();
    let (end, ()) = tokio::join!(run, async {
        sleep(ms(50)).await;
        decisions.approve("run/call_0_0").unwrap();
    });
    assert_eq!((end.unwrap().text(), log.begun()["run/call_0_0"]), ("Done.", 2), "{conversation}");
}

#[tokio::test(start_paused = true)]
async fn calls_with_the_key_of_one_that_waits_come_after_it_has_ended_or_is_denied() {
    let by_key = |ms: u64, ask: Option<&str>| ("act_by", json!({"ms": ms, "key": "a", "ask": ask}));
    let approved_one = "
        0 run/call_0_0 starts
        0 run/call_0_2 starts
        10 run/call_0_0 waits
        50 run/call_0_0 starts
        60 run/call_0_0 = done
        60 run/call_0_1 starts
        160 run/call_0_1 = done
        1000 run/call_0_2 = done
    ";
    let denied_one = "
        0 run/call_0_0 starts
        0 run/call_0_2 starts
        10 run/call_0_0 waits
        50 run/call_0_0 = denied: not today
        50 run/call_0_1 starts
        150 run/call_0_1 = done
        1000 run/call_0_2 = done
    ";
    for (decision, told) in
        [(approved(50, "run/call_0_0"), approved_one), (denied(50, "run/call_0_0"), denied_one)]
    {
        let reply = calls([by_key(10, Some("May I?")), by_key(100, None), slow()]);
        let (model, log) = (Script::new([reply, Reply::text("Done.")]), Log::default());
        let act_by =
            Act::new("act_by", &log).spec(|spec| spec.exclusive_by = Some(ExclusiveBy::field("key")));
        let agent = Agent::builder("main", model).tool(act_by).tool(Act::new("act", &log)).build().unwrap();
        check_team(&Team::new([agent]).unwrap(), [decision], (1000, told)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_approved_call_may_delegate_transfer_or_end_the_run_beside_the_others() {
    let inputs = [
        (json!({"ask": "?", "to": "clerk"}), "Done."),
        (json!({"ask": "?", "transfer": "clerk"}), "Filed."),
        (json!({"ask": "?", "answer": "That is it."}), "That is it."),
    ];
    for (input, text) in inputs {
        let (team, _, _) = team([
            ("main", vec![calls([("act", input), slow()]), Reply::text("Done.")]),
            ("clerk", vec![Reply::text("Filed.")]),
        ]);
        let mut conversation = Conversation::start("main", "Go.");
        let all = [approved(50, "run/call_0_0")];
        let (end, took, told) = decided_run(&team, &mut conversation, all).await;
        assert_eq!((end.text(), took), (text, 1000), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_of_three_conversations_are_decided_in_the_same_moment() {
    let below = |to: &str| calls([ask(), ("act", json!({"to": to})), slow()]);
    let all = ["run/call_0_0", "run/call_0_1/call_0_0", "run/call_0_1/call_0_1/call_0_0"];
    for denies in 0..8 {
        for at in [11, 999] {
            let (team, _, log) = team([
                ("main", vec![below("clerk"), Reply::text("Done.")]),
                ("clerk", vec![below("mate"), Reply::text("Filed.")]),
                ("mate", vec![calls([ask(), slow()]), Reply::text("Helped.")]),
            ]);
            let why = |place: usize| (denies >> place & 1 == 1).then_some("no");
            let decisions: Vec<Decided> = (0..3).map(|place| (at, all[place], why(place))).collect();
            let mut conversation = Conversation::start("main", "Go.");
            let (end, _, told) = decided_run(&team, &mut conversation, decisions).await;
            assert_eq!(end.text(), "Done.", "{told}");
            for (place, key) in all.iter().enumerate() {
                assert_eq!(log.begun()[*key], if why(place).is_some() { 1 } else { 2 }, "{told}");
                assert_eq!(told.matches(&format!("{key} = ")).count(), 1, "{told}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_decision_in_the_moment_when_a_delegated_conversation_ends_is_taken_up() {
    for why in [None, Some("no")] {
        let (team, _, log) = team([
            ("main", vec![calls([("act", json!({"to": "clerk"})), slow()]), Reply::text("Done.")]),
            ("clerk", vec![calls([ask()]), Reply::text("Filed.")]),
        ]);
        let mut conversation = Conversation::start("main", "Go.");
        let run = team.run(&mut conversation);
        let decisions = run.decisions();
        let run = run.listen(move |event| {
            if let EventKind::Ended(End::Waiting(calls)) = &event.kind {
                assert!(decide(&decisions, (0, "run/call_0_0/call_0_0", why)), "{calls:?}");
            }
        });
        let began = Instant::now();
        assert_eq!((run.await.unwrap().text(), began.elapsed().as_millis()), ("Done.", 1000));
        assert_eq!(log.begun()["run/call_0_0/call_0_0"], if why.is_some() { 1 } else { 2 });
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_budget_asking_and_the_approved_call_count() {
    for (most, text) in [(3, "deleted"), (2, "budget")] {
        let (team, _, _) = one_turn(calls([ask(), slow()]));
        let mut conversation = Conversation::start("main", "Go.");
        let run = team.run(&mut conversation).limits(Limits::new().budget(Budget::new().calls(most)));
        let decisions = run.decisions();
        let (end, ()) = tokio::join!(run, async {
            sleep(ms(50)).await;
            decisions.approve("run/call_0_0").unwrap();
        });
        assert_eq!(end.unwrap().text(), "Done.");
        let transcript = conversation.to_string();
        let result = transcript.lines().find(|line| line.starts_with("  < call_0_0")).unwrap();
        assert!(result.contains(text), "{transcript}");
    }
}
