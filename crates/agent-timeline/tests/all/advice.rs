//! What a run's timeline advises to change.

use agent_timeline::{AdviceKind, Timeline};
use insta::assert_snapshot;

use crate::script::events;

/// The advice, with its gain. Advice about the models of the script is left out: it is the same in
/// all.
fn of(script: &str) -> String {
    let timeline = Timeline::new(&events(script));
    let told = timeline.advice().iter().filter(|advice| advice.kind != AdviceKind::FirstToken);
    told.map(|advice| format!("{} ms: {}\n", advice.gain.as_millis(), advice.text)).collect()
}

#[test]
fn a_tool_that_could_start_earlier_is_named_with_what_it_gains() {
    assert_snapshot!(of(r#"
        0 run main turn_started
        3000 run main turn_ended 10 20
        3000 run main call_started search
        3000 run main call_could_start_earlier {"id": "search", "tool": "search", "by_ms": 1200}
        3000 run main call_started sum
        3100 run main call_ended sum 2
        4000 run main call_ended search 1
        4000 run main turn_started
        5000 run main turn_ended 10 20
        5000 run main ended Done.
    "#), @"900 ms: Mark `search` read_only if it has no effects: it starts 1.2 s earlier, and the run ends 900 ms earlier.");
}

#[test]
fn a_gain_that_another_call_takes_away_is_said_to_be_none() {
    assert_snapshot!(of(r#"
        0 run main turn_started
        3000 run main turn_ended 10 20
        3000 run main call_started search
        3000 run main call_could_start_earlier {"id": "search", "tool": "search", "by_ms": 1200}
        3000 run main call_started sum
        4000 run main call_ended search 1
        4000 run main call_ended sum 2
        4000 run main turn_started
        9000 run main turn_ended 10 20
    "#), @"0 ms: Mark `search` read_only if it has no effects: it starts 1.2 s earlier, though other calls take as long.");
}

#[test]
fn waits_for_permits_name_the_limit() {
    let all = "
        0 run main turn_started
        1000 run main turn_ended 10 20
        1000 run main call_started a a1
        1000 run main call_started b b1
        1000 run main call_queued a permit
        3000 run main call_ended a1 1
        3000 run main call_started a
        3500 run main call_ended b1 1
        5000 run main call_ended a 1
        5000 run main ended Done.
    ";
    assert_snapshot!(of(all), @"
    1500 ms: Raise the permits of `a` from 1: calls waited 2 s for permits. Without these waits the run ends 1.5 s earlier.
    1500 ms: One tool, `a`, is 40 % of the critical path (2 s): make it faster, or split its work into several calls of one reply, which run in parallel.
    ");
    assert_snapshot!(of(&all.replace("started b b1", "started a b1")), @"
    1500 ms: Raise calls_at_once (or the permits of `a`) from 2: calls waited 2 s for permits. Without these waits the run ends 1.5 s earlier.
    4000 ms: One tool, `a`, is 40 % of the critical path (2 s): make it faster, or split its work into several calls of one reply, which run in parallel.
    ");
    let two = all.replace(
        "3000 run main call_started a",
        "1000 run main call_queued b permit
        3000 run main call_started a",
    );
    assert_snapshot!(of(&two), @"");
}

#[test]
fn waits_for_the_gate_and_for_retries_are_the_servers() {
    assert_snapshot!(of("
        0 run main turn_started
        0 run main delta wait the limit is used up
        5200 run main delta sent claude
        5300 run main delta retry overloaded
        6300 run main delta text Hi.
        7000 run main turn_ended 10 20
        7000 run main ended Hi.
    "), @"
    5200 ms: The gate held requests back 5.2 s: the rate limit of the account is the bottleneck. Ask for a higher limit, or send fewer tokens: without these waits the run ends 5.2 s earlier.
    1000 ms: Requests failed and waited 1 s to be made again: without these pauses the run ends 1 s earlier. The panel of each says why.
    100 ms: The model of `main` failed once: 100 ms were lost. Without that the run ends 100 ms earlier.
    ");
}

#[test]
fn a_tool_that_takes_most_of_the_time_is_named() {
    assert_snapshot!(of("
        0 run main turn_started
        1000 run main turn_ended 10 20
        1000 run main call_started crawl
        9000 run main call_ended crawl 1
        9000 run main turn_started
        10000 run main turn_ended 10 20
        10000 run main ended Done.
    "), @"8000 ms: One tool, `crawl`, is 80 % of the critical path (8 s): make it faster, or split its work into several calls of one reply, which run in parallel.");
}

#[test]
fn calls_of_one_reply_that_ran_one_after_another_could_be_parallel() {
    assert_snapshot!(of("
        0 run main turn_started
        1000 run main turn_ended 10 20
        1000 run main call_started a
        2000 run main call_ended a 1
        2000 run main call_started b
        3000 run main call_ended b 1
        3000 run main call_started c
        3500 run main call_ended c 1
        3500 run main turn_started
        4500 run main turn_ended 10 20
        4500 run main ended Done.
    "), @"1500 ms: Calls of one reply ran one after another. In parallel (Mode::Concurrent, the default) the run ends 1.5 s earlier.");
}

#[test]
fn turns_with_one_call_each_could_be_one_turn() {
    let turn = |at: u64| {
        format!(
            "{at} run main turn_started\n{} run main turn_ended 10 20\n{} run main call_started a a{at}\n\
             {} run main call_ended a{at} 1\n",
            at + 900,
            at + 900,
            at + 1000
        )
    };
    let turns: String = (0..4).map(|number| turn(number * 1000)).collect();
    assert_snapshot!(of(&(turns + "4000 run main turn_started\n5000 run main turn_ended 1 2\n")), @"2700 ms: `main` made 4 turns in a row with one call each. If these calls don't depend on each other, ask in its system prompt for all of them in one reply: they then run in parallel.");
}

#[test]
fn failures_and_people_take_time_too() {
    assert_snapshot!(of(r#"
        0 run main turn_started
        1000 run main turn_ended 10 20
        1000 run main call_started fetch
        1000 run main call_started fetch again
        1000 run main call_waiting {"id": "pay", "question": "Pay?"}
        3000 run main call_ended {"id": "fetch", "tool": "fetch", "is_error": true, "result": "timed out"}
        3500 run main call_ended {"id": "again", "tool": "fetch", "is_error": true, "result": "timed out"}
        4000 run main call_started pay
        4000 run main call_ended pay paid
        4000 run main turn_started
        5000 run main turn_failed gone
        5000 run main ended {"Other": "gone"}
    "#), @"
    1000 ms: The model of `main` failed once: 1 s were lost. Without that the run ends 1 s earlier.
    500 ms: Calls waited 3 s for a person: without these waits the run ends 500 ms earlier. Approve kinds of calls in advance where that is safe.
    ");
}

#[test]
fn a_run_without_waits_has_no_advice_but_about_its_model() {
    assert_snapshot!(of("
        0 run main turn_started
        1000 run main turn_ended 10 20
        1000 run main ended Done.
    "), @"");
    assert_eq!(Timeline::new(&[]).advice(), []);
}

#[test]
fn calls_that_take_turns_are_named_by_the_call_that_was_waited_for() {
    assert_snapshot!(of("
        0 run main turn_started
        1000 run main turn_ended 10 20
        1000 run main call_started write_file a
        1000 run main call_queued read exclusive
        2400 run main call_ended a 1
        2400 run main call_started read
        3000 run main call_ended read 2
        3000 run main turn_started
        5000 run main turn_ended 10 20
        5000 run main ended Done.
    "), @"600 ms: `write_file` calls take turns: calls waited 1.4 s for them. If only calls with equal inputs disturb each other, use exclusive_by with the field that tells them apart: the run ends 600 ms earlier.");
}
