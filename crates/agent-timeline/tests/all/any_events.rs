//! What holds for any list of events, also one that no run can emit.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use agent_core::Event;
use agent_timeline::{BarKind, Comparison, Timeline};
use proptest::prelude::*;

use crate::script::events;

const KINDS: [&str; 28] = [
    "turn_started",
    "delta text x",
    "delta thinking x",
    "delta wait x",
    "delta limit",
    "delta sent x",
    "unheard_of {}",
    "delta retry x",
    "delta restarted x",
    "turn_ended 1 2",
    "turn_failed x",
    "call_queued ID permit",
    "call_queued ID exclusive",
    "call_started ID",
    r#"call_could_start_earlier {"id": "ID", "tool": "ID", "by_ms": 70}"#,
    "call_ended ID x",
    r#"call_ended {"id": "ID", "tool": "ID", "is_error": true, "result": "x"}"#,
    r#"call_waiting {"id": "ID", "question": "x"}"#,
    r#"call_goes_on {"id": "ID", "tool": "ID", "why": "x"}"#,
    r#"plan_started {"id": "ID", "tool": "ID"}"#,
    r#"call_discarded {"id": "ID", "tool": "ID"}"#,
    "delegated ID helper CONVERSATION/ID",
    r#"call_detached {"id": "ID", "tool": "ID"}"#,
    r#"transfer_asked {"id": "ID", "to": "helper"}"#,
    r#"transferred {"from": "main"}"#,
    r#"came_back {"from": "main", "why": "x"}"#,
    "ended x",
    r#"ended {"Waiting": []}"#,
];

const CONVERSATIONS: [&str; 6] = ["run", "run/a", "run/b", "run/a/b", "other", "other/a"];

/// Events in any order. The time usually goes on, and sometimes back.
fn any_events() -> impl Strategy<Value = Vec<Event>> {
    let step = prop_oneof![4 => 0_u64..3, 8 => 3_u64..200, 1 => Just(u64::MAX)];
    let event = (step, 0..CONVERSATIONS.len(), 0..KINDS.len(), prop_oneof!["a", "b", "c"]);
    prop::collection::vec(event, 0..60).prop_map(|all| {
        let mut at = 0;
        let lines = all.into_iter().map(|(step, conversation, kind, id)| {
            at = if step == u64::MAX { at / 3 } else { at + step };
            let conversation = CONVERSATIONS[conversation];
            let kind = KINDS[kind].replace("ID", &id).replace("CONVERSATION", conversation);
            format!("{at} {conversation} main {kind}\n")
        });
        events(&lines.collect::<String>())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bars_lie_in_their_parents_lanes_and_the_path_is_no_longer_than_the_run(events in any_events()) {
        let timeline = Timeline::new(&events);
        check_bars(&timeline)?;
        check_lanes(&timeline)?;
        check_path(&timeline)?;
        let figures = timeline.figures();
        prop_assert!(figures.shares.iter().map(|share| share.part).sum::<f64>() < 1.0001);
        for advice in timeline.advice() {
            prop_assert!(advice.gain <= figures.wall, "{advice:?}");
            prop_assert!(advice.bars.iter().all(|&bar| bar < timeline.bars().len()));
        }
        let comparison = Comparison::new(("a", &timeline), ("b", &timeline));
        prop_assert!(comparison.to_html().contains("</html>"));
        prop_assert!(comparison.to_svg().ends_with("</svg>\n"));
        check_chrome_trace(&timeline)?;
        serde_json::from_str::<serde_json::Value>(&comparison.to_json()).unwrap();
    }
}

/// Slices of one thread lie in each other or apart. Viewers draw others wrongly.
fn check_chrome_trace(timeline: &Timeline) -> Result<(), TestCaseError> {
    let trace: serde_json::Value = serde_json::from_str(&timeline.to_chrome_trace()).unwrap();
    let mut threads: BTreeMap<u64, Vec<(i64, i64)>> = BTreeMap::new();
    for event in trace["traceEvents"].as_array().unwrap().iter().filter(|event| event["ph"] == "X") {
        let nanos = |name: &str| (event[name].as_f64().unwrap() * 1e3).round() as i64;
        let (start, length) = (nanos("ts"), nanos("dur"));
        threads.entry(event["tid"].as_u64().unwrap()).or_default().push((start, -(start + length)));
    }
    for slices in threads.values_mut() {
        slices.sort();
        let mut open: Vec<i64> = Vec::new();
        for &(start, end) in &*slices {
            open.retain(|&until| until > start);
            prop_assert!(open.last().is_none_or(|&until| -end <= until), "{slices:?}");
            open.push(-end);
        }
    }
    Ok(())
}

fn check_bars(timeline: &Timeline) -> Result<(), TestCaseError> {
    let mut ids = HashSet::new();
    for bar in timeline.bars() {
        prop_assert!(bar.start <= bar.end && bar.end <= timeline.end(), "{bar:?}");
        prop_assert!(ids.insert(&bar.id), "two bars {}", bar.id);
        let mut last = bar.start;
        for segment in &bar.segments {
            prop_assert!(last <= segment.start && segment.start < segment.end, "{bar:?}");
            last = segment.end;
        }
        prop_assert!(last <= bar.end, "{bar:?}");
        prop_assert_eq!(bar.parent.is_none(), bar.kind == BarKind::Run);
        for other in bar.parent.iter().chain(&bar.turn).chain(&bar.held_by) {
            prop_assert!(*other < timeline.bars().len());
        }
    }
    Ok(())
}

/// A part is in the lane of what it is a part of, or in one below. Bars of one lane do not overlap,
/// except those within each other.
fn check_lanes(timeline: &Timeline) -> Result<(), TestCaseError> {
    for (place, lane) in timeline.lanes().iter().enumerate() {
        prop_assert!(lane.parent.is_none_or(|parent| parent < place));
        prop_assert_eq!(lane.depth, lane.parent.map_or(0, |parent| timeline.lanes()[parent].depth + 1));
    }
    let mut calls = vec![Vec::new(); timeline.lanes().len()];
    for bar in timeline.bars() {
        if let Some(parent) = bar.parent {
            let whole = timeline.bars()[parent].lane;
            let above = timeline.lanes()[bar.lane].parent;
            let expected = if bar.kind == BarKind::Turn { Some(bar.lane) } else { above };
            prop_assert_eq!(expected, Some(whole), "{:?}", bar);
        }
        if bar.kind == BarKind::Call {
            calls[bar.lane].push((bar.start, bar.end));
        }
    }
    for mut calls in calls {
        calls.sort();
        prop_assert!(calls.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{calls:?}");
    }
    Ok(())
}

fn check_path(timeline: &Timeline) -> Result<(), TestCaseError> {
    let mut last = Duration::ZERO;
    let mut sum = Duration::ZERO;
    for step in timeline.critical_path() {
        prop_assert!(last <= step.start && step.start < step.end, "{:?}", timeline.critical_path());
        let bar = &timeline.bars()[step.bar];
        prop_assert!(bar.start <= step.start && step.end <= bar.end);
        (last, sum) = (step.end, sum + step.length());
    }
    prop_assert!(sum <= timeline.figures().wall);
    Ok(())
}
