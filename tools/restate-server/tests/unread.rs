//! What it says may go unread.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::process::Command;

use program::ends_quietly_unread;

#[test]
fn it_ends_quietly_when_nobody_reads_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    for task in ["status", "down", "--help"] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_restate-server"));
        ends_quietly_unread(program.arg(task).arg("--folder").arg(folder.path())).unwrap();
    }
}
