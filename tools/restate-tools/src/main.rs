//! What is done with Restate: the drill, what a run costs there, and a process that serves the drill's team. `cargo xtask
//! drill --engine restate` and `cargo xtask bench restate` start it.

mod command_line;
mod cost;
mod drill;
mod kept;
mod nodes;
mod serve;
mod service;
mod stage;
mod stand;

use std::process::ExitCode;

use clap::Parser;
use command_line::{CommandLine, Part};

fn main() -> ExitCode {
    let done = match CommandLine::parse().part {
        Part::Drill { nodes, rounds } => drill::run(nodes, &rounds),
        Part::Cost => cost::run(),
        Part::Stand { folder } => stand::run(folder),
        Part::Serve(served) => serve::run(served),
    };
    program::ended(done.map_err(|error| error as _))
}
