//! Examples whose output nobody reads end quietly. `cargo test -p examples` builds them before; with `--test`, cargo does not.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::{env, fs, process::Command};

use program::ends_quietly_unread;

#[test]
fn examples_end_quietly_when_nobody_reads_what_they_say() {
    let built = env::current_exe().unwrap().parent().unwrap().with_file_name("examples");
    for source in fs::read_dir("examples").unwrap() {
        let name = source.unwrap().path().file_stem().unwrap().to_owned();
        ends_quietly_unread(&mut Command::new(built.join(name))).unwrap();
    }
}
