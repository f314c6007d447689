//! What waited for what, over calls in the background, over calls that wait for each other, and over
//! runs of a session. The figures were worked out by hand.

use std::time::{Duration, SystemTime};

use agent_core::sessions::SessionEvent;
use agent_timeline::{AdviceKind, Timeline};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::script::{bars, events, path};

#[test]
fn agents_that_waited_for_each_other_begin_earlier_if_their_models_are_faster() {
    let ask = |at: u32, call: &str| {
        let ends = at + 1000;
        format!(
            "{at} run main call_started ask {call}\n{at} run main delegated {call} clerk run/{call}\n\
             {at} run/{call} clerk turn_started\n{ends} run/{call} clerk turn_ended 1 1\n\
             {ends} run/{call} clerk ended x\n{ends} run main call_ended {call} x\n"
        )
    };
    let script = "0 run main turn_started\n100 run main turn_ended 1 1\n".to_owned()
        + &ask(100, "a")
        + &ask(1100, "b")
        + &ask(2100, "c")
        + "3100 run main turn_started\n3200 run main turn_ended 1 1\n3200 run main ended x\n";
    let timeline = Timeline::new(&events(&script));
    let told: Vec<_> =
        timeline.advice().iter().map(|advice| (advice.kind, advice.gain.as_millis())).collect();
    assert_eq!(told, [(AdviceKind::OneByOne, 2_000), (AdviceKind::FirstToken, 3_200)]);
}

/// How much earlier the run ends at most without the time of this tool.
fn gain(timeline: &Timeline, tool: &str) -> u128 {
    let of_tool = |kind, name: Option<&str>| kind == AdviceKind::SlowTool && name == Some(tool);
    let mut advice = timeline.advice().iter();
    let found = advice.find(|advice| of_tool(advice.kind, advice.name.as_deref()));
    found.unwrap_or_else(|| panic!("no advice about {tool}: {:?}", timeline.advice())).gain.as_millis()
}

/// The next turn waits for `search` until it is detached, and the one after `read` does not wait.
const BACKGROUND: &str = r#"
    0 run main turn_started
    100 run main turn_ended 10 20
    100 run main call_started search s
    100 run main delegated s main run/s
    100 run/s main call_started search s
    100 run main call_started read a
    600 run main call_ended a 1
    800 run main call_detached {"id": "s", "tool": "search"}
    800 run main turn_started
    900 run main turn_ended 10 20
    900 run main call_started read b
"#;

#[test]
fn a_call_in_the_background_counts_where_something_waits_for_it() {
    let told_in_time = r#"
        1200 run/s main call_ended s found
        1200 run/s main ended found
        1200 run main call_ended s found
        1900 run main call_ended b 1
        1900 run main turn_started
        2000 run main turn_ended 10 20
        2000 run main ended Done.
    "#;
    let timeline = Timeline::new(&events(&(BACKGROUND.to_owned() + told_in_time)));
    assert_snapshot!(path(&timeline), @"
    0–100 main first_token
    100–800 search delegated
    800–900 main first_token
    900–1900 read running
    1900–2000 main first_token
    ");
    // Without `read`, the second turn still begins when `search` is detached, and the third one at once.
    assert_eq!(gain(&timeline, "read"), 1_000);

    let waited_for = r#"
        1000 run main call_ended b 1
        1000 run main turn_started
        1100 run main turn_ended 10 20
        5100 run/s main call_ended s found
        5100 run/s main ended found
        5100 run main call_ended s found
        5100 run main turn_started
        5200 run main turn_ended 10 20
        5200 run main ended Done.
    "#;
    let timeline = Timeline::new(&events(&(BACKGROUND.to_owned() + waited_for)));
    assert_snapshot!(path(&timeline), @"
    0–100 main first_token
    100–5100 search running
    5100–5200 main first_token
    ");
    assert_eq!(gain(&timeline, "search"), 4_000 + 200);
    // `search` is one call, though it is made in a conversation of its own.
    assert_eq!(timeline.figures().calls, 3);
    // A lane of its own, under the name of its tool: no other agent has to do with it.
    assert_eq!(timeline.lanes()[1].label, "search");
}

#[test]
fn a_call_that_began_when_another_had_ended_begins_earlier_if_that_one_is_faster() {
    let turns = Timeline::new(&events(
        "
        0 run main turn_started
        100 run main turn_ended 10 20
        100 run main call_started write a
        100 run main call_queued write exclusive
        600 run main call_ended a 1
        600 run main call_started write
        1100 run main call_ended write 1
        1100 run main turn_started
        1300 run main turn_ended 10 20
        1300 run main ended Done.
    ",
    ));
    assert_eq!(gain(&turns, "write"), 1_000);
    let plan = Timeline::new(&events(
        "
        0 run main turn_started
        100 run main turn_ended 10 20
        100 run main call_started plan p
        100 run main delegated p main run/p
        100 run/p main call_started look a
        600 run/p main call_ended a 1
        600 run/p main call_started sum b
        1000 run/p main call_ended b 2
        1000 run/p main ended 2
        1000 run main call_ended p 2
        1000 run main turn_started
        1100 run main turn_ended 10 20
        1100 run main ended Done.
    ",
    ));
    assert_eq!((gain(&plan, "look"), gain(&plan, "sum")), (500, 400));
    // Calls that began by themselves don't.
    let apart = Timeline::new(&events(
        "
        0 run main turn_started
        100 run main turn_ended 10 20
        100 run main call_started look a
        100 run main call_started sum b
        600 run main call_ended a 1
        700 run main call_ended b 2
        700 run main turn_started
        800 run main turn_ended 10 20
        800 run main ended Done.
    ",
    ));
    assert_eq!(gain(&apart, "sum"), 100);
}

#[test]
fn of_two_calls_that_end_at_once_the_one_that_worked_is_on_the_path() {
    let cancelled = |id: &str| json!({"id": id, "tool": id, "is_error": true, "result": "cancelled"});
    let script = format!(
        "
        0 run main turn_started
        100 run main turn_ended 10 20
        100 run main call_started work
        100 run main call_queued late exclusive
        300 run main call_ended {}
        300 run main call_ended {}
        300 run main turn_started
        300 run main turn_failed cancelled
    ",
        cancelled("work"),
        cancelled("late")
    );
    let timeline = Timeline::new(&events(&script));
    assert_snapshot!(path(&timeline), @"
    0–100 main first_token
    100–300 work failed
    ");
    // The run is over: it does not look as if it still ran.
    assert_snapshot!(bars(&timeline).lines().next().unwrap(), @"main: 0–300, failed");
    // If another agent goes on, it is not.
    let goes_on = script
        + "
        300 run main came_back {\"from\": \"main\", \"why\": \"x\"}
        300 run main turn_started
        400 run main turn_ended 10 20
        400 run main ended Done.
    ";
    assert_snapshot!(bars(&Timeline::new(&events(&goes_on))).lines().next().unwrap(), @"main > main: 0–400");
}

#[test]
fn what_a_call_that_was_stopped_left_open_ends_with_it() {
    let stopped = json!({"id": "ask", "tool": "ask", "is_error": true, "result": "timed out"});
    let script = format!(
        "
        0 run main turn_started
        100 run main turn_ended 10 20
        100 run main call_started ask
        100 run main delegated ask clerk run/ask
        100 run/ask clerk turn_started
        200 run/ask clerk turn_ended 1 1
        200 run/ask clerk call_started dig
        500 run main call_ended {stopped}
        500 run main turn_started
        900 run main turn_ended 10 20
        900 run main ended Done.
    "
    );
    assert_snapshot!(bars(&Timeline::new(&events(&script))), @"
    main: 0–900
    main: 0–100, first_token 0–100
      clerk: 100–500, delegated 100–500, failed, lane 1
      clerk: 100–200, first_token 100–200
        dig: 200–500, running 200–500, open, lane 2
    main: 500–900, first_token 500–900
    ");
}

/// The events of a session: the script of each run, and when it began, in ms since 1970.
fn session(runs: &[(u64, &str)]) -> Timeline {
    let mut all = Vec::new();
    for (began, script) in runs {
        for event in events(script) {
            let run_began = SystemTime::UNIX_EPOCH + Duration::from_millis(*began);
            all.push(SessionEvent { offset: all.len() as u64 + 1, run_began, event });
        }
    }
    Timeline::of_session(&all)
}

/// A call of a delegated agent asks a person.
const ASKS: &str = r#"
    0 s main turn_started
    100 s main turn_ended 10 20
    100 s main call_started ask a
    100 s main delegated a clerk s/a
    100 s/a clerk turn_started
    200 s/a clerk turn_ended 10 20
    200 s/a clerk call_started pay
    200 s/a clerk call_waiting {"id": "pay", "key": "s/a/pay", "question": "Pay?"}
    200 s main ended {"Waiting": []}
"#;

const PAYS: &str = "
    10 s/a clerk call_started pay
    110 s/a clerk call_ended pay paid
    110 s/a clerk turn_started
    210 s/a clerk turn_ended 10 20
    210 s/a clerk ended Paid.
    210 s main call_ended a Paid.
    210 s main turn_started
    310 s main turn_ended 10 20
    310 s main ended Paid.
";

#[test]
fn a_person_is_waited_for_from_one_run_to_the_next() {
    let timeline = session(&[(1_000_000, ASKS), (1_600_000, PAYS)]);
    assert_snapshot!(path(&timeline), @"
    0–100 main first_token
    100–200 clerk first_token
    200–600010 pay person
    600010–600110 pay running
    600110–600210 clerk first_token
    600210–600310 main first_token
    ");
    assert_eq!(timeline.figures().wall.as_millis(), 600_310);
    // Nothing else waited, so it was as fast as one after another.
    assert!((timeline.figures().speed_up - 1.0).abs() < 0.03, "{:?}", timeline.figures());
    let advice = &timeline.advice()[0];
    assert_eq!((advice.kind, advice.gain.as_millis()), (AdviceKind::People, 599_810));
}

#[test]
fn the_time_until_a_killed_run_goes_on_is_there_and_the_time_until_the_user_says_more_is_not() {
    let half = "
        0 s main turn_started
        100 s main turn_ended 10 20
        100 s main call_started work
    ";
    let rest = "
        0 s main call_started work
        400 s main call_ended work 1
        400 s main turn_started
        500 s main turn_ended 10 20
        500 s main ended Done.
    ";
    let again = "
        0 s main turn_started
        100 s main turn_ended 10 20
        100 s main ended Hi.
    ";
    let killed = session(&[(1_000, half), (3_000, rest), (900_000, again)]);
    assert_snapshot!(bars(&killed), @"
    main: 0–100, open
    main: 0–100, first_token 0–100
      work: 100–100, open, lane 1
    main: 2000–2500
      work: 2000–2400, running 2000–2400, lane 1
    main: 2400–2500, first_token 2400–2500
    main: 2500–2600
    main: 2500–2600, first_token 2500–2600
    ");
    // A clock that was set back, and several processes that tell of one run a little late.
    let back = session(&[(3_000, half), (1_000, rest)]);
    assert_eq!(back.figures().wall.as_millis(), 600);
    let late = "
        0 s main turn_started
        100 s main turn_ended 10 20
        200 s main call_started work
        400 s main call_ended work 1
        300 s main call_started late
        420 s main call_ended late 1
        420 s main turn_started
        500 s main turn_ended 10 20
        500 s main ended Done.
    ";
    let late = session(&[(1_000, late)]);
    let runs = late.bars().iter().filter(|bar| bar.parent.is_none()).count();
    assert_eq!((runs, late.figures().wall.as_millis()), (1, 500));
    let json: Value = serde_json::from_str(&late.to_json()).unwrap();
    assert_eq!(json["end_ms"], 500.0);
}
