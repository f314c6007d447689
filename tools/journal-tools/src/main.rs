//! What is done with journals: the drill, the soak, what a journal costs, and sessions on the command line. `cargo xtask
//! drill`, `soak` and `sessions` start it.

mod command_line;
mod cost;
mod disk;
mod drill;
mod kept;
mod kill;
mod run;
mod sessions;
mod soak;

use std::{io, process::ExitCode};

use clap::Parser;
use command_line::{CommandLine, Part};

fn main() -> ExitCode {
    let done = match CommandLine::parse().part {
        Part::Drill(rounds) => drill::run(&rounds),
        Part::Cost => cost::run(),
        Part::Sessions(asked) => sessions::run(asked, &mut io::stdin(), &mut program::Out),
        Part::Soak(asked) => soak::run(&asked),
        Part::Run(killable) => run::run(&killable),
        Part::Read(read) => soak::read(&read),
    };
    program::ended(done.map_err(|error| error as _))
}
