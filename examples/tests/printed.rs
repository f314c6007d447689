//! What examples print that their first comment tells the reader to look at. `cargo test -p examples` builds them before;
//! with `--test`, cargo does not.
#![allow(clippy::unwrap_used)]

use std::{env, process::Command};

/// Fails unless the example prints these lines, in this order, whatever stands before, between and behind them.
fn check(name: &str, lines: &[&str]) {
    let built = env::current_exe().unwrap().parent().unwrap().with_file_name("examples");
    let output = Command::new(built.join(name)).output().unwrap();
    let (said, wrong) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name}: {wrong}");
    let mut rest = &*said;
    for line in lines {
        let place = rest.find(line).unwrap_or_else(|| panic!("{name} does not print {line:?} here: {rest}"));
        rest = &rest[place + line.len()..];
    }
}

#[test]
fn a_finished_call_is_not_repeated_after_a_cancel() {
    let printed = ["call_0_1 failed: cancelled", "call_1_0 = sent", "Payments made in both runs: 1"];
    check("cancel", &printed);
}

#[test]
fn each_limit_says_so_to_the_model_or_to_the_caller() {
    let printed = [
        r#"caller: Answered("Done.") after 1s"#,
        r#"caller: Answered("Done.") after 3s"#,
        "model:  job failed: not run: the limit of 2 tool calls per reply is reached",
        "model:  job failed: not run: the limit of 4 tool calls per run is reached",
        r#"model:  delegate failed: not delegated to "lead": the depth limit of 1 is reached"#,
        "caller: TurnLimit(3)",
        "caller: error: the limit of 5 model requests per run is reached",
    ];
    check("limits", &printed);
}

#[test]
fn what_takes_too_long_is_an_error_and_the_next_run_goes_on() {
    let printed = [
        "< look_up failed: timed out after 200ms",
        "given up after 2 attempts",
        "Run 2:",
        "clerk: answers: The archive does not answer today.",
        "The record:\nuser: What does the archive say?\n  > call_0_0 look_up {}\n",
        "  < call_0_0 failed: timed out after 200ms\nclerk: The archive",
    ];
    check("timeouts", &printed);
}

#[test]
fn a_gate_gets_all_agents_through() {
    check("gate", &["Without a gate: ", "With a gate   : 20 of 20 answered"]);
}

#[test]
fn calls_share_the_state_of_their_tool() {
    let printed = ["call_1_0 = done", "call_2_0 = 1", r#"the same notes: {"Numbers": "1, 2 and 3"}"#];
    check("stateful_tool", &printed);
}

#[test]
fn a_model_sees_the_picture_of_a_tool() {
    check("picture_tool", &["Sales of week 12:[image]", r#"The model got "image": "image/png""#]);
}

#[test]
fn a_call_waits_for_a_person_and_the_others_do_not() {
    let printed = [
        "2 calls wait",
        "call_0_0 = paid 70 to Ada",
        "call_0_1 failed: denied: that is too much",
        "call_0_2 = 10000",
    ];
    check("approvals", &printed);
}
