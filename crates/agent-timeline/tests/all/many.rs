//! A run of very many calls.

use std::{fmt::Write, time::Instant};

use agent_timeline::Timeline;

use crate::script::events;

#[test]
fn two_thousand_calls_are_built_in_a_second() {
    let mut script = String::new();
    for turn in 0..20 {
        let at = turn * 1_000;
        writeln!(script, "{at} run main turn_started").unwrap();
        writeln!(script, "{} run main turn_ended 10 20", at + 200).unwrap();
        for call in 0..100 {
            writeln!(script, "{} run main call_started look c{turn}_{call}", at + 200).unwrap();
        }
        for call in 0..100 {
            writeln!(script, "{} run main call_ended c{turn}_{call} found", at + 300 + call).unwrap();
        }
    }
    let events = events(&script);
    // Other programs on this machine can only make it slower, so the best of three counts.
    let took = (0..3).map(|_| {
        let began = Instant::now();
        let timeline = Timeline::new(&events);
        assert!(timeline.to_html().len() > 100_000);
        began.elapsed()
    });
    let took = took.min().unwrap();
    assert!(took.as_millis() < 1_000, "{took:?}");
    let timeline = Timeline::new(&events);
    assert_eq!(timeline.figures().calls, 2_000);
    assert_eq!(timeline.figures().most_calls, 100);
}

#[test]
fn many_calls_that_wait_for_each_other_are_built_in_a_second_also_if_each_has_a_tool_of_its_own() {
    for why in ["exclusive", "permit"] {
        let mut script = "0 run main turn_started\n100 run main turn_ended 1 1\n".to_owned();
        for call in 0..4_000 {
            writeln!(script, "100 run main call_queued t{call} {why}").unwrap();
        }
        for call in 0..4_000 {
            writeln!(script, "{} run main call_started t{call}", 100 + call).unwrap();
            writeln!(script, "{} run main call_ended t{call} found", 101 + call).unwrap();
        }
        let events = events(&script);
        let took = (0..3).map(|_| {
            let began = Instant::now();
            assert_eq!(Timeline::new(&events).figures().calls, 4_000);
            began.elapsed()
        });
        let took = took.min().unwrap();
        assert!(took.as_millis() < 1_000, "{why}: {took:?}");
    }
}
