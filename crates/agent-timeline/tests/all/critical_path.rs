//! Which steps decided how long a run took.

use agent_timeline::Timeline;
use insta::assert_snapshot;

use crate::script::{events, path};

fn of(script: &str) -> String {
    path(&Timeline::new(&events(script)))
}

#[test]
fn the_slowest_call_of_a_reply_is_on_the_path_with_its_waits() {
    assert_snapshot!(of("
        0 run main turn_started
        50 run main delta text I look.
        100 run main turn_ended 10 20
        100 run main call_started quick
        100 run main call_queued slow permit
        300 run main call_ended quick 1
        300 run main call_started slow
        900 run main call_ended slow 2
        910 run main turn_started
        1000 run main turn_ended 10 20
        1000 run main ended Done.
    "), @"
    0–50 main first_token
    50–100 main streaming
    100–300 slow permit
    300–900 slow running
    910–1000 main first_token
    ");
}

#[test]
fn a_call_that_started_early_waited_for_a_part_of_its_turn() {
    assert_snapshot!(of("
        0 run main turn_started
        100 run main delta text I look.
        200 run main call_started look
        400 run main turn_ended 10 20
        900 run main call_ended look 2
        900 run main turn_started
        1000 run main turn_ended 10 20
        1000 run main ended Done.
    "), @"
    0–100 main first_token
    100–200 main streaming
    200–900 look running
    900–1000 main first_token
    ");
}

#[test]
fn the_path_goes_through_what_another_agent_did() {
    assert_snapshot!(of("
        0 run main turn_started
        100 run main turn_ended 10 20
        100 run main call_started ask a
        100 run main call_started other
        120 run main delegated a geometer run/a
        120 run/a geometer turn_started
        200 run/a geometer turn_ended 3 4
        200 run/a geometer call_started area
        200 run main call_ended other 1
        300 run/a geometer call_ended area 12
        300 run/a geometer turn_started
        400 run/a geometer turn_ended 5 6
        400 run/a geometer ended It is 12.
        405 run main call_ended a It is 12.
        405 run main turn_started
        500 run main turn_ended 7 8
        500 run main ended It is 12.
    "), @"
    0–100 main first_token
    100–120 geometer running
    120–200 geometer first_token
    200–300 area running
    300–400 geometer first_token
    405–500 main first_token
    ");
}

#[test]
fn another_agents_work_that_is_not_in_the_log_is_one_step() {
    assert_snapshot!(of("
        0 run main turn_started
        100 run main turn_ended 10 20
        100 run main call_started ask a
        120 run main delegated a geometer run/a
        400 run main call_ended a It is 12.
        400 run main turn_started
        500 run main turn_ended 7 8
    "), @"
    0–100 main first_token
    100–120 geometer running
    120–400 geometer delegated
    400–500 main first_token
    ");
}

#[test]
fn a_transfer_is_the_turn_of_the_agent_that_asked_and_then_of_the_other_one() {
    assert_snapshot!(of("
        0 run desk turn_started
        100 run desk turn_ended 10 20
        100 run desk call_started handoff
        110 run desk transfer_asked {\"id\": \"handoff\", \"to\": \"billing\"}
        110 run billing turn_started
        200 run billing turn_ended 3 4
        200 run billing transferred {\"from\": \"desk\"}
        200 run desk call_ended handoff Transferred to billing.
        200 run billing ended Paid.
    "), @"
    0–100 desk first_token
    100–110 handoff running
    110–200 billing first_token
    ");
}

#[test]
fn the_path_of_a_later_run_goes_back_to_the_first_one() {
    assert_snapshot!(of("
        0 run main turn_started
        100 run main turn_ended 10 20
        100 run main call_started pay
        100 run main call_waiting {\"id\": \"pay\", \"question\": \"Pay 3 EUR?\"}
        120 run main ended {\"Waiting\": []}
        0 run main call_started pay
        200 run main call_ended pay paid
        200 run main ended Paid.
    "), @"
    0–100 main first_token
    100–120 pay person
    120–320 pay running
    ");
}

#[test]
fn the_path_of_a_plan_goes_through_the_steps_that_waited_for_each_other() {
    assert_snapshot!(of("
        0 run main turn_started
        100 run main turn_ended 10 20
        100 run main call_started plan p
        100 run main delegated p main run/p
        100 run/p main call_started look a
        100 run/p main call_started look b
        300 run/p main call_ended b 2
        600 run/p main call_ended a 1
        600 run/p main call_started look c
        700 run/p main call_ended c 3
        700 run/p main ended 3
        700 run main call_ended p 3
        700 run main turn_started
        800 run main turn_ended 10 20
        800 run main ended Done.
    "), @"
    0–100 main first_token
    100–600 look running
    600–700 look running
    700–800 main first_token
    ");
}
