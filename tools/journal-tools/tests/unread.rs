//! Parts whose output nobody reads end quietly.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::process::{Command, Stdio};

use program::ends_quietly_unread;

#[test]
fn sessions_are_shown_quietly_when_nobody_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let program = |arguments: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_journal-tools"));
        program.current_dir(&folder).args(arguments);
        program
    };
    let run =
        program(&["run", "journal", "log", "trip", "repeatable"]).stdout(Stdio::null()).status().unwrap();
    assert!(run.success());
    for what in
        [&["list"][..], &["show", "trip"], &["tail", "trip"], &["export", "trip"], &["resume", "trip"]]
    {
        ends_quietly_unread(program(&["sessions", "journal"]).args(what)).unwrap();
    }
}
