//! What is done with journals: the drill, what a journal costs, and sessions on the command line. `cargo xtask drill` and
//! `cargo xtask sessions` start it.

mod cost;
mod disk;
mod drill;
mod kept;
mod kill;
mod run;
mod sessions;

use std::{env, io, process::ExitCode};

const USAGE: &str = "\
usage: journal-tools drill [ROUNDS] [--seed N] [--json]
       journal-tools cost
       journal-tools sessions FILE [list | show ID | tail ID | resume ID | fork ID NEW [TURNS] | allow KEY | deny KEY REASON
                                    | export ID | import ID < JSON | delete ID]
       journal-tools run JOURNAL LOG SESSION repeatable|once
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["drill", options @ ..] => drill::run(options),
        ["cost"] => cost::run(),
        ["sessions", file, what @ ..] => sessions::run(file, what, &mut io::stdin(), &mut program::Out),
        ["run", journal, log, session, tools] => run::run(journal, log, session, tools),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    program::ended(done.map_err(|error| error as _))
}
