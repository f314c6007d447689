//! What is done with Restate: the drill, what a run costs there, and a process that serves the drill's team. `cargo xtask
//! drill --engine restate` and `cargo xtask bench restate` start it.

mod cost;
mod drill;
mod kept;
mod nodes;
mod serve;
mod service;
mod stage;
mod stand;

use std::{env, process::ExitCode};

use ::drill::Done;

const USAGE: &str = "\
usage: restate-tools drill [ROUNDS] [--nodes 3] [--seed N] [--json]
       restate-tools cost
       restate-tools stand [--folder FOLDER]
       restate-tools serve ADDRESS [LOG repeatable|once | --base-dir FOLDER]
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done: Done = match arguments.as_slice() {
        ["drill", options @ ..] => drill::run(options),
        ["cost"] => cost::run(),
        ["stand", options @ ..] => stand::run(options),
        ["serve", address, options @ ..] => serve::run(address, options),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    program::ended(done.map_err(|error| error as _))
}
