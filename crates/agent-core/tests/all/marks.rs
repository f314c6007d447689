//! What the marks of tools and agents allow: early starts and shared calls.

use agent_core::{
    Agent, AgentBuilder, Conversation, Delta, Llm, StopReason,
    host::Mode,
    script::{Reply, Script},
    tool::Early,
};
use agent_timeline::Timeline;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::{
    common::{Act, Log, calls, ms},
    early::{Pieces, call, piece, told},
};

/// An agent with tools of different marks: `roll` is read-only, `look` is read-only and shared,
/// `set` is idempotent and shared, `pay` has no mark, and some never start early.
fn agent(model: impl Llm + 'static, log: &Log) -> AgentBuilder {
    let act = |name: &str| Act::new(name, log);
    Agent::builder("main", model)
        .tool(act("roll").spec(|spec| spec.read_only = true))
        .tool(act("look").spec(|spec| (spec.read_only, spec.shared) = (true, true)))
        .tool(act("set").spec(|spec| (spec.idempotent, spec.shared) = (true, true)))
        .tool(act("pay"))
        .tool(act("pay_alone").spec(|spec| spec.exclusive = true))
        .tool(
            act("pay_in_turn")
                .spec(|spec| spec.exclusive_by = Some(agent_core::tool::ExclusiveBy::field("say"))),
        )
        .tool(act("pay_if_allowed").spec(|spec| spec.needs_approval = true))
        .tool(act("ask_other").spec(|spec| spec.targets = vec!["main".to_owned()]))
}

fn begun(log: &Log) -> Vec<String> {
    assert!(log.begun().values().all(|times| *times == 1), "{:?}", log.begun());
    log.begun().into_keys().map(|key| key.replace("run/", "")).collect()
}

fn restarted() -> Delta {
    Delta::Restarted { reason: "it broke off".to_owned() }
}

/// Runs an agent whose model yields these pieces, one every 100 ms. Returns the lines of its
/// events, the conversation, and the calls that began.
async fn run(early: Early, pieces: impl IntoIterator<Item = Delta>) -> (String, Conversation, Vec<String>) {
    let log = Log::default();
    let agent = agent(Pieces::new(pieces), &log).early(early).build().unwrap();
    let (lines, conversation) = told(&agent, Mode::Concurrent).await;
    assert_eq!(log.open(), 0, "nothing goes on after the run");
    (lines, conversation, begun(&log))
}

#[tokio::test(start_paused = true)]
async fn field_69_equal_calls_are_each_made_unless_their_tool_is_shared() {
    for per_block in [0, 100] {
        for (tool, expected) in [
            ("roll", &["call_0_0", "call_0_1", "call_0_2"][..]),
            ("look", &["call_0_0"]),
            ("set", &["call_0_0"]),
            ("pay", &["call_0_0", "call_0_1", "call_0_2"]),
        ] {
            let (log, three) = (Log::default(), calls([0; 3].map(|place| call(tool, place, 300))));
            let model = Script::new([three.per_block(ms(per_block)), Reply::text("Done.")]);
            let (lines, conversation) = told(&agent(model, &log).build().unwrap(), Mode::Concurrent).await;
            assert_eq!(begun(&log), expected, "{tool}");
            assert_eq!(conversation.to_string().matches("< call_0_").count(), 3, "{conversation}");
            let marks = [format!("> {tool}"), format!("< {tool}")].map(|mark| lines.matches(&mark).count());
            assert_eq!(marks, [3, 3], "{lines}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn field_69_a_reply_asked_again_takes_over_each_call_once_and_in_order() {
    let roll = || call("roll", 0, 5_000);
    let begun_for = async |pieces: Vec<Delta>| {
        let stop = Delta::stop(StopReason::ToolUse);
        let (_, conversation, begun) = run(Early::ReadOnly, pieces.into_iter().chain([stop])).await;
        let results = conversation.to_string().matches(" = 0").count();
        format!("{} begin, {results} results", begun.join(" "))
    };
    let first =
        || [piece(0, "a", roll()), piece(1, "b", roll()), Delta::words(2, "Hm."), piece(3, "c", roll())];
    let again = |ids: &[&str]| -> Vec<Delta> {
        let calls = ids.iter().enumerate().map(|(place, id)| piece(place, id, roll()));
        first().into_iter().chain([restarted()]).chain(calls).collect()
    };
    assert_eq!(begun_for(again(&["d"])).await, "a b begin, 1 results");
    assert_eq!(begun_for(again(&["d", "e"])).await, "a b begin, 2 results");
    assert_eq!(begun_for(again(&["d", "e", "f"])).await, "a b f begin, 3 results");
    assert_eq!(begun_for(again(&["b", "a"])).await, "a b begin, 2 results");
}

#[tokio::test(start_paused = true)]
async fn what_was_read_before_a_call_that_runs_alone_is_read_again_behind_it_and_what_was_done_is_done() {
    let check = async |tool: &'static str, expected: &[&str]| {
        let pieces = [
            piece(0, "a", call(tool, 0, 50)),
            piece(1, "b", call("pay_alone", 1, 50)),
            restarted(),
            piece(0, "c", call("pay_alone", 1, 50)),
            piece(1, "d", call(tool, 0, 50)),
            Delta::stop(StopReason::ToolUse),
        ];
        let (lines, conversation, begun) = run(Early::All, pieces).await;
        assert_eq!(begun, expected, "{lines}");
        assert!(conversation.to_string().contains("< d = 0"), "{conversation}");
        let marks = [" > ", " < "].map(|mark| lines.matches(mark).count());
        assert_eq!(marks[0], marks[1], "each that starts ends: {lines}");
    };
    check("roll", &["a", "c", "d"]).await;
    check("look", &["a", "c", "d"]).await;
    check("pay", &["a", "c"]).await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_may_start_every_call_early_that_its_program_vouches_for() {
    let reply = || {
        let tools = ["pay", "pay_in_turn", "pay_if_allowed", "roll", "pay_alone", "pay"];
        let each = tools.into_iter().enumerate().map(|(place, tool)| call(tool, place, 50));
        calls(each).per_block(ms(100))
    };
    let run = async |early: Early, mode: Mode| {
        let model = Script::new([reply(), Reply::text("Done.")]);
        told(&agent(model, &Log::default()).early(early).build().unwrap(), mode).await
    };
    let (lines, conversation) = run(Early::All, Mode::Concurrent).await;
    assert_snapshot!(lines, @r#"
    0.200 s  main: > pay {"ms":50,"say":"0"}
    0.250 s  main: < pay = 0
    0.500 s  main: > roll {"ms":50,"say":"3"}
    0.550 s  main: < roll = 3
    0.600 s  main: (the reply has ended)
    0.600 s  main: … pay_alone waits for other calls to end
    0.600 s  main: … pay waits for other calls to end
    0.600 s  main: > pay_in_turn {"ms":50,"say":"1"}
    0.600 s  main: > pay_if_allowed {"ms":50,"say":"2"}
    0.650 s  main: < pay_in_turn = 1
    0.650 s  main: < pay_if_allowed = 2
    0.650 s  main: > pay_alone {"ms":50,"say":"4"}
    0.700 s  main: < pay_alone = 4
    0.700 s  main: > pay {"ms":50,"say":"5"}
    0.750 s  main: < pay = 5
    0.750 s  main: (the reply has ended)
    0.750 s  main: answers: Done.
    "#);
    let (read_only, other) = run(Early::ReadOnly, Mode::Concurrent).await;
    assert!(read_only.contains("0.600 s  main: > pay {") && other == conversation, "{read_only}");
    let (never, other) = run(Early::Never, Mode::Concurrent).await;
    assert!(!never.contains("earlier"), "who wants none needs no advice: {never}");
    assert!(never.contains("0.600 s  main: > roll") && other == conversation, "{never}");
    assert_eq!(run(Early::All, Mode::Sequential).await.1, conversation);
}

#[tokio::test(start_paused = true)]
async fn a_call_with_effects_is_not_made_twice_and_one_that_no_message_tells_of_ends_and_is_told_of() {
    let pieces = [
        piece(0, "a", call("pay", 0, 50)),
        piece(1, "b", call("pay", 1, 5_000)),
        piece(2, "c", call("pay", 2, 50)),
        restarted(),
        piece(0, "d", call("pay", 0, 50)),
        piece(1, "e", call("pay", 3, 50)),
        Delta::stop(StopReason::ToolUse),
    ];
    let (lines, conversation, begun) = run(Early::All, pieces).await;
    assert_eq!(begun, ["a", "b", "e"]);
    assert_snapshot!(lines, @r#"
    0.200 s  main: > pay {"ms":50,"say":"0"}
    0.250 s  main: < pay = 0
    0.300 s  main: > pay {"ms":5000,"say":"1"}
    0.400 s  main: ! starts its reply again: it broke off
    0.700 s  main: ! pay ran early, but its reply does not count: no message tells of it
    0.700 s  main: (the reply has ended)
    0.700 s  main: > pay {"ms":50,"say":"3"}
    0.750 s  main: < pay = 3
    5.300 s  main: < pay = 1
    5.300 s  main: > pay {"ms":50,"say":"0"}
    5.300 s  main: < pay = 0
    5.500 s  main: (the reply has ended)
    5.500 s  main: answers: Done.
    "#);
    assert_snapshot!(conversation.to_string(), @r#"
    user: Go.
      > d pay {"ms":50,"say":"0"}
      > e pay {"ms":50,"say":"3"}
      < d = 0
      < e = 3
    main: Done.
    "#);
}

#[tokio::test(start_paused = true)]
async fn what_was_done_early_has_its_result_in_a_reply_that_is_cut() {
    let pay = |place: usize, id: &str| piece(place, id, call("pay", place, 500));
    for stop in [StopReason::MaxTokens, StopReason::PauseTurn, StopReason::Other("new".to_owned())] {
        let cut = [pay(0, "a"), piece(1, "b", call("roll", 1, 500)), pay(2, "c"), Delta::stop(stop)];
        let (lines, mut conversation, begun) = run(Early::All, cut).await;
        conversation.say("Go on.");
        let read = conversation.to_string();
        assert!(read.contains("< a = 0\n  < b failed: not run"), "{read}");
        assert!(read.contains("< c failed: not run"), "{read}");
        assert_eq!(begun, ["a", "b"]);
        assert!(!lines.contains("ran early") && lines.contains("! pay not run"), "{lines}");
        assert!(lines.contains("0.700 s  main: < pay = 0"), "{lines}");
    }
    let stop = Delta::stop(StopReason::MaxTokens);
    let again = [pay(0, "a"), pay(1, "b"), restarted(), pay(0, "c"), stop];
    let (lines, mut conversation, begun) = run(Early::All, again).await;
    conversation.say("Go on.");
    assert_eq!(begun, ["a"]);
    assert_snapshot!(lines, @r#"
    0.200 s  main: > pay {"ms":500,"say":"0"}
    0.300 s  main: ! starts its reply again: it broke off
    0.500 s  main: (the reply has ended)
    0.700 s  main: < pay = 0
    0.700 s  main: > pay {"ms":500,"say":"0"}
    0.700 s  main: < pay = 0
    0.700 s  main: ends: the reply was cut: max_tokens
    "#);
    assert_snapshot!(conversation.to_string(), @r#"
    user: Go.
      > c pay {"ms":500,"say":"0"}
      < c = 0
    user: Go on.
    "#);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_given_early_ends_no_run_if_its_reply_is_cut() {
    let check = async |stop: StopReason, ends: &str| {
        let answer = piece(0, "a", ("pay", json!({"ms": 50, "answer": "paid"})));
        let next = piece(1, "b", call("pay", 1, 50));
        let (lines, mut conversation, _) = run(Early::All, [answer, next, Delta::stop(stop)]).await;
        assert!(lines.ends_with(ends), "{lines}");
        conversation.say("Go on.");
        assert!(conversation.to_string().contains("< a = paid"), "{conversation}");
        conversation.answered_by().is_some()
    };
    assert!(!check(StopReason::MaxTokens, "main: ends: the reply was cut: max_tokens").await);
    assert!(check(StopReason::ToolUse, "main: answers: paid").await);
}

#[tokio::test(start_paused = true)]
async fn what_was_done_early_is_told_of_if_the_reply_fails_or_is_refused() {
    let pay = |place: usize| piece(place, ["a", "b"][place], call("pay", place, 500));
    for (last, said) in [
        (Delta::stop(StopReason::Refusal), "(the reply has ended)"),
        (Delta::words(2, "Hm."), "! the reply broke off: it ended without a stop reason"),
    ] {
        let (lines, conversation, begun) = run(Early::All, [pay(0), pay(1), last]).await;
        assert_eq!(begun, ["a"]);
        let told: Vec<&str> = lines.lines().map(|line| line.split("main: ").nth(1).unwrap()).collect();
        assert_eq!(told[1], "! pay ran early, but its reply does not count: no message tells of it");
        assert_eq!(told[2], said);
        assert!(lines.contains("0.700 s  main: < pay = 0"), "{lines}");
        assert!(!conversation.to_string().contains("< a = 0"), "{conversation}");
    }
}

#[tokio::test(start_paused = true)]
async fn log_and_timeline_say_how_much_earlier_an_unmarked_call_could_have_started() {
    let events = async |early: Early, calls_of: Vec<(&'static str, Value)>| {
        let model = Script::new([calls(calls_of).per_block(ms(200)), Reply::text("Done.")]);
        let agent = agent(model, &Log::default()).early(early).build().unwrap();
        let mut conversation = agent.start("Go.");
        let mut run = agent.run(&mut conversation);
        let mut events = Vec::new();
        while let Some(event) = run.next().await {
            events.push(event);
        }
        events
    };
    let hints = |events: &[agent_core::Event]| -> Vec<String> {
        let lines = events.iter().filter_map(|event| agent_core::event::EventLog::new(100).line(event));
        lines.filter(|line| line.contains("earlier")).collect()
    };
    let mixed = vec![call("pay", 0, 300), call("roll", 1, 300), call("set", 2, 300), call("pay", 3, 300)];
    let told = events(Early::ReadOnly, mixed).await;
    assert_snapshot!(hints(&told).join("\n"), @"   0.800 s  main: … pay could have started 400 ms earlier: mark it read_only if it has no effects");
    assert_snapshot!(Timeline::new(&told).to_text(72), @"
    main   |█████████████████████████████████████████████████████|    1.10 s
      roll |                             ██████████████          |    0.30 s
      pay  |                   ░░░░░░░░░░░░░░░░░░░░██████████████|    0.30 s
      pay  |                                       ██████████████|    0.30 s
      set  |                                       ██████████████|    0.30 s
    ░ earlier, if read_only: pay 0.40 s
    ");
    for tool in ["roll", "look", "pay_in_turn", "pay_alone", "pay_if_allowed", "ask_other"] {
        let told = events(Early::ReadOnly, vec![call(tool, 0, 300), call("roll", 1, 300)]).await;
        assert_eq!(hints(&told), [""; 0], "{tool}");
    }
    // A gain of 200 ms, but after a call that runs alone; and a gain that is too short to be
    // reported.
    let told =
        events(Early::ReadOnly, vec![call("pay_alone", 0, 1), call("pay", 1, 1), call("roll", 2, 1)]).await;
    assert_eq!(hints(&told), [""; 0]);
    let told = events(Early::ReadOnly, vec![call("roll", 0, 300), call("pay", 1, 300)]).await;
    assert_eq!(hints(&told), [""; 0]);
    let told = events(Early::All, vec![call("pay", 0, 300), call("roll", 1, 300)]).await;
    assert_eq!(hints(&told), [""; 0]);
    assert_eq!(json!(Timeline::new(&told).to_text(72).contains('░')), json!(false));
}
