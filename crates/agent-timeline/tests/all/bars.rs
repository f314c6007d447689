//! Which bars there are, and what they did when.

use agent_timeline::Timeline;
use insta::assert_snapshot;

use crate::script::{bars, events};

fn of(script: &str) -> String {
    bars(&Timeline::new(&events(script)))
}

#[test]
fn a_turn_is_told_apart_by_what_the_model_does() {
    assert_snapshot!(of("
        0 run main turn_started
        300 run main delta thinking hm
        500 run main delta text I look.
        700 run main turn_ended 10 20
        700 run main call_started search
        900 run main call_ended search Two books.
        900 run main turn_started
        1000 run main delta text There are two.
        1200 run main turn_ended 30 5
        1200 run main ended There are two.
    "), @"
    main: 0–1200
    main: 0–700, first_token 0–300, thinking 300–500, streaming 500–700
      search: 700–900, running 700–900, lane 1
    main: 900–1200, first_token 900–1000, streaming 1000–1200
    ");
}

#[test]
fn without_pieces_all_of_a_turn_is_the_wait_for_its_first_token() {
    assert_snapshot!(of("
        0 run main turn_started
        700 run main turn_ended 10 20
        700 run main ended Hi.
    "), @"
    main: 0–700
    main: 0–700, first_token 0–700
    ");
}

#[test]
fn waits_for_the_rate_limit_and_attempts_that_failed_are_told_apart() {
    assert_snapshot!(of("
        0 run main turn_started
        0 run main delta wait the limit is used up
        1000 run main delta sent claude
        1200 run main delta retry overloaded
        1500 run main delta sent claude
        1600 run main delta text There
        1700 run main delta restarted it broke off
        1900 run main delta text There are
        2000 run main turn_ended 10 20
        2000 run main turn_started
        2300 run main delta text No
        2400 run main turn_failed the server is gone
        2400 run main ended {\"Other\": \"the server is gone\"}
    "), @"
    main: 0–2400, failed
    main: 0–2000, gate 0–1000, failed 1000–1200, retry 1200–1500, failed 1500–1700, first_token 1700–1900, streaming 1900–2000
    main: 2000–2400, failed 2000–2400, failed
    ");
}

#[test]
fn calls_that_overlap_have_lanes_of_their_own() {
    assert_snapshot!(of("
        0 run main turn_started
        100 run main turn_ended 10 20
        100 run main call_started look a
        100 run main call_started look b
        100 run main call_queued read permit
        200 run main call_ended a 1
        200 run main call_started read
        210 run main call_started look c
        300 run main call_ended c 3
        300 run main call_ended {\"id\": \"b\", \"tool\": \"look\", \"is_error\": true, \"result\": \"no\"}
        400 run main call_ended read 4
        400 run main ended Done.
    "), @"
    main: 0–400
    main: 0–100, first_token 0–100
      look: 100–200, running 100–200, lane 1
      look: 100–300, failed 100–300, failed, lane 2
      read: 100–400, permit 100–200, running 200–400, lane 3
      look: 210–300, running 210–300, lane 1
    ");
}

#[test]
fn what_another_agent_does_is_below_its_call() {
    assert_snapshot!(of("
        0 run main turn_started
        100 run main turn_ended 10 20
        100 run main call_started ask a
        110 run main delegated a geometer run/a
        110 run/a geometer turn_started
        200 run/a geometer turn_ended 3 4
        200 run/a geometer call_started area
        300 run/a geometer call_ended area 12
        300 run/a geometer turn_started
        400 run/a geometer turn_ended 5 6
        400 run/a geometer ended It is 12.
        400 run main call_ended a It is 12.
        400 run main turn_started
        500 run main turn_ended 7 8
        500 run main ended It is 12.
    "), @"
    main: 0–500
    main: 0–100, first_token 0–100
      geometer: 100–400, running 100–110, delegated 110–400, lane 1
      geometer: 110–200, first_token 110–200
        area: 200–300, running 200–300, lane 2
      geometer: 300–400, first_token 300–400
    main: 400–500, first_token 400–500
    ");
}

#[test]
fn a_conversation_that_changes_hands_is_one_lane() {
    assert_snapshot!(of("
        0 run desk turn_started
        100 run desk turn_ended 10 20
        100 run desk call_started handoff
        100 run desk transfer_asked {\"id\": \"handoff\", \"to\": \"billing\"}
        100 run billing turn_started
        200 run billing turn_ended 3 4
        200 run billing transferred {\"from\": \"desk\"}
        200 run desk call_ended handoff Transferred to billing.
        200 run billing ended Paid.
    "), @"
    desk > billing: 0–200
    desk: 0–100, first_token 0–100
      handoff: 100–100, lane 1
    billing: 100–200, first_token 100–200
    ");
}

#[test]
fn a_run_that_was_killed_ends_with_its_last_event() {
    assert_snapshot!(of("
        0 run main turn_started
        100 run main turn_ended 10 20
        100 run main call_started slow
        100 run main call_queued next permit
        150 run main call_progress {\"id\": \"slow\", \"tool\": \"slow\", \"text\": \"1 of 2\", \"dropped\": 0}
    "), @"
    main: 0–150, open
    main: 0–100, first_token 0–100
      slow: 100–150, running 100–150, open, lane 1
      next: 100–150, permit 100–150, open, lane 2
    ");
}

#[test]
fn a_later_run_of_a_conversation_follows_the_earlier_one() {
    assert_snapshot!(of("
        0 run main turn_started
        100 run main turn_ended 10 20
        100 run main call_started pay
        100 run main call_waiting {\"id\": \"pay\", \"question\": \"Pay 3 EUR?\"}
        120 run main ended {\"Waiting\": []}
        0 run main call_started pay
        200 run main call_ended pay paid
        200 run main turn_started
        300 run main turn_ended 10 20
        300 run main ended Paid.
    "), @"
    main: 0–120
    main: 0–100, first_token 0–100
      pay: 100–120, person 100–120, lane 1
    main: 120–420
      pay: 120–320, running 120–320, lane 1
    main: 320–420, first_token 320–420
    ");
}

#[test]
fn a_run_that_goes_on_within_another_agents_work_is_known_by_its_name() {
    assert_snapshot!(of("
        0 run main turn_started
        100 run main turn_ended 10 20
        100 run main call_started ask a
        110 run main delegated a geometer run/a
        110 run/a geometer turn_started
        0 run/a geometer turn_started
        200 run/a geometer turn_ended 10 20
        200 run/a geometer ended Done.
        200 run main call_ended a Done.
    "), @"
    main: 0–110, open
    main: 0–100, first_token 0–100
      geometer: 100–110, running 100–110, open, lane 1
      geometer: 110–110, open
    main: 110–310, open
      geometer: 110–310, lane 1
      geometer: 110–310, first_token 110–310
    ");
}

#[test]
fn conversations_of_several_users_are_side_by_side() {
    assert_snapshot!(of("
        0 user-1 main turn_started
        0 user-2 main turn_started
        100 user-2 main turn_ended 1 2
        100 user-2 main ended Hi.
        200 user-1 main turn_ended 1 2
        200 user-1 main ended Hi.
    "), @"
    main: 0–200
    main: 0–200, first_token 0–200
    main: 0–100
    main: 0–100, first_token 0–100
    ");
}

#[test]
fn a_log_whose_beginning_is_missing_has_bars_for_what_is_there() {
    assert_snapshot!(of("
        500 run main turn_ended 1 2
        500 run main call_ended gone 3
        600 run/x helper turn_started
        700 run/x helper turn_ended 1 2
        700 other/y helper turn_started
        900 other/y helper turn_ended 1 2
    "), @"
    main: 500–700, open
      gone: 500–500, lane 1
      helper: 600–700, open, lane 2
      helper: 600–700, first_token 600–700
    helper: 700–900, open
    helper: 700–900, first_token 700–900
    ");
}

#[test]
fn a_first_piece_that_was_not_kept_is_known_from_the_end_of_its_turn() {
    let ended =
        r#"{"stop_reason": "end_turn", "calls": 0, "usage": {"input_tokens": 1}, "first_piece_ms": 300}"#;
    assert_snapshot!(of(&format!("0 run main turn_started\n700 run main turn_ended {ended}\n")), @"
    main: 0–700, open
    main: 0–700, first_token 0–300, streaming 300–700
    ");
}

#[test]
fn a_wait_for_a_permit_and_one_for_a_turn_are_told_apart() {
    assert_snapshot!(of("
        0 run main turn_started
        100 run main turn_ended 10 20
        100 run main call_started edit a
        100 run main call_queued edit exclusive
        100 run main call_queued read permit
        200 run main call_ended a 1
        200 run main call_started edit
        300 run main call_started read
        400 run main call_ended edit 1
        400 run main call_ended read 1
    "), @"
    main: 0–400, open
    main: 0–100, first_token 0–100
      edit: 100–200, running 100–200, lane 1
      edit: 100–400, exclusive 100–200, running 200–400, lane 2
      read: 100–400, permit 100–300, running 300–400, lane 3
    ");
}

#[test]
fn what_a_later_version_adds_is_left_out() {
    assert_snapshot!(of(r#"
        0 run main turn_started
        10 run main thought_transferred {"to": "you"}
        20 run main delta {"kind": "scent", "value": "of roses"}
        30 run main delta {"kind": "notice", "value": {"kind": "mood", "value": "good"}}
        40 run main delta text Hi.
        100 run main turn_ended 1 2
        100 run main call_queued read moon_phase
        110 run main call_started read
        120 run main call_ended read 1
        130 run main ended Hi.
    "#), @"
    main: 0–130
    main: 0–100, first_token 0–40, streaming 40–100
      read: 100–120, permit 100–110, running 110–120, lane 1
    ");
}

#[test]
fn a_bar_has_what_was_asked_and_answered() {
    let timeline = Timeline::new(&events(
        r#"
        0 run main turn_started Which books?
        10 run main delta sent claude-sonnet
        20 run main delta thinking hm
        30 run main delta {"kind": "block", "value": {"index": 1, "block": {"type": "tool_use", "id": "a", "name": "search", "input": {}}}}
        40 run main delta {"kind": "piece", "value": {"index": 1, "piece": {"kind": "input", "value": "{\"of\": 1}"}}}
        50 run main turn_ended {"stop_reason": "tool_use", "calls": 1, "usage": {"input_tokens": 10, "output_tokens": 20, "cost_micro_usd": 5}, "model": "claude-sonnet-5-5"}
        50 run main call_started search a
        60 run main call_progress {"id": "a", "tool": "search", "text": "shelf 1", "dropped": 0}
        70 run main call_ended a Two books.
        70 run main turn_started
        90 run main turn_failed the server is gone
        90 run main ended {"Other": "the server is gone"}
    "#,
    ));
    let details: Vec<_> = timeline.bars().iter().map(|bar| &bar.details).collect();
    assert_snapshot!(serde_json::to_string_pretty(&details).unwrap(), @r#"
    [
      {
        "asked": "Which books?",
        "answered": "the server is gone",
        "usage": {
          "input_tokens": 17,
          "output_tokens": 20,
          "cache_creation_input_tokens": 0,
          "cache_read_input_tokens": 0,
          "cost_micro_usd": 5
        }
      },
      {
        "asked": "user: Which books?",
        "answered": "hm\ncalls search {\"of\": 1}",
        "model": "claude-sonnet-5-5",
        "provider": "anthropic",
        "usage": {
          "input_tokens": 10,
          "output_tokens": 20,
          "cache_creation_input_tokens": 0,
          "cache_read_input_tokens": 0,
          "cost_micro_usd": 5
        },
        "stop_reason": "tool_use"
      },
      {
        "asked": "{\"of\":\"a\"}",
        "answered": "Two books.",
        "notes": [
          "60 ms: shelf 1"
        ]
      },
      {
        "asked": "result of search: Two books.",
        "error": "the server is gone",
        "usage": {
          "input_tokens": 7,
          "output_tokens": 0,
          "cache_creation_input_tokens": 0,
          "cache_read_input_tokens": 0
        }
      }
    ]
    "#);
}

#[test]
fn the_runs_of_a_host_with_one_clock_are_where_they_were() {
    let event = |at: u64, kind: serde_json::Value| -> agent_core::Event {
        let json = serde_json::json!({
            "at_ms": at, "conversation": "run", "depth": 0, "agent": "main", "kind": kind,
        });
        serde_json::from_value(json).unwrap()
    };
    let begins = || serde_json::json!({"kind": "turn_started", "value": {"messages": []}});
    let ends = || serde_json::json!({"kind": "ended", "value": {"Answered": "Done."}});
    // The clock of a host on a journal goes on. That of a run in process begins again.
    for (second, expected) in [(5_000, 6_000), (0, 2_000)] {
        let events = [
            event(0, begins()),
            event(1_000, ends()),
            event(second, begins()),
            event(second + 1_000, ends()),
        ];
        assert_eq!(agent_timeline::Timeline::new(&events).end().as_millis(), expected);
    }
}

#[test]
fn steps_that_start_while_their_plan_streams_are_within_its_call() {
    assert_snapshot!(of("
        0 run main turn_started
        100 run main delta text I look.
        200 run main plan_started {\"id\": \"p\", \"tool\": \"plan\"}
        200 run/p main call_started look a
        300 run/p main call_started look b
        350 run/p main call_ended a 1
        400 run main turn_ended 10 20
        400 run main call_started plan p
        400 run main delegated p main run/p
        500 run/p main call_ended b 2
        500 run/p main ended 2
        500 run main call_ended p 2
        500 run main turn_started
        600 run main turn_ended 10 20
        600 run main ended Done.
    "), @r#"
    main: 0–600
    main: 0–400, first_token 0–100, streaming 100–400
      plan: 200–500, delegated 200–500, lane 1
        look: 200–350, running 200–350, lane 2
        look: 300–500, running 300–500, lane 3
    main: 500–600, first_token 500–600
    "#);
    // The reply was asked again, and has no plan then.
    assert_snapshot!(of("
        0 run main turn_started
        200 run main plan_started {\"id\": \"p\", \"tool\": \"plan\"}
        200 run/p main call_started look a
        300 run main delta restarted it broke off
        300 run/p main call_ended {\"id\": \"a\", \"tool\": \"look\", \"is_error\": true, \"result\": \"stopped\"}
        300 run main call_ended {\"id\": \"p\", \"tool\": \"plan\", \"is_error\": true, \"result\": \"stopped\"}
        600 run main turn_ended 10 20
        600 run main ended Done.
    "), @r#"
    main: 0–600
    main: 0–600, failed 0–300, first_token 300–600
      plan: 200–300, delegated 200–300, failed, lane 1
        look: 200–300, failed 200–300, failed, lane 2
    "#);
}
