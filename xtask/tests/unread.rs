//! Tasks whose output nobody reads end quietly.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::process::Command;

use program::ends_quietly_unread;

#[test]
fn tasks_end_quietly_when_nobody_reads_what_they_say() {
    for task in
        [&["demo", "--speed", "1000"][..], &["demo", "--json", "--speed", "1000"], &["--help"], &["mock"]]
    {
        ends_quietly_unread(Command::new(env!("CARGO_BIN_EXE_xtask")).args(task)).unwrap();
    }
}
