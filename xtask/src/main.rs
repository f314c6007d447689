//! The project's own tasks: `cargo xtask TASK`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod bench;
mod demo;
mod demo_check;
mod drill;
mod faults;
mod gate;
mod layers;
mod lengths;
mod metadata;
mod mock;
mod msrv;
mod oracle;
mod restate;
mod sessions;
mod source;
mod task;

use std::env;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask TASK

  bench       measures what turns cost beside a bare loop, and how fast streams are read, in a release build
              (docs/performance.md): [loop] [stream] [--quick] [--json] (8 min); journal, restate: what these cost
              (docs/durability.md)
  demo        shows agents at work over real HTTP, without a key: [--speed N] [--json] [--live]
  demo-check  checks the figures of `demo --json`, read from stdin
  drill       kills runs of a team at any moment until they come to their end, and checks that nothing was lost or done
              again (docs/durability.md): [--engine journal|restate [--nodes 1|3]] [ROUNDS] [--seed N] [--json]
              (journal, 200 rounds: 1 min; restate, 50: 1 min)
  faults      checks that docs/faults.md and the tests agree
  gate        shows what the shared gate does for a crowd at a rate limit, and checks it (2 min)
  layers      checks which crate depends on which, what the core may name, and that nothing is built twice
  lengths     checks the lengths of files, functions, examples and the loop
  mock        serves a scripted model on loopback: [SCRIPT.json [PORT]]
  msrv        checks that rust-version is what the dependencies ask for
  oracle      checks by others' code how we speak the API, if there is Python (docs/oracle.md): [--required]
  restate     starts and stops a Restate server to try things with, installed by npm, and a team that is served there:
              up [--nodes 1|3] [--service URI] [--fresh] | down | status (docs/restate.md)
  sessions    shows and changes what is in a journal: FILE [list | show ID | tail ID | resume ID | fork ID NEW [TURNS]
              | allow KEY | deny KEY REASON | export ID | import [ID] | delete ID]
";

/// Exits with 0 if the task went well, 1 if it did not, 2 if there is no such task.
fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args.as_slice() {
        ["bench", parts @ ..] => bench::run(parts),
        ["demo", arguments @ ..] => demo::run(arguments),
        ["demo-check"] => demo_check::run(),
        ["drill", options @ ..] => drill::run(options),
        ["faults"] => faults::run(),
        ["gate"] => gate::run(),
        ["layers"] => layers::run(),
        ["lengths"] => lengths::run(),
        ["mock", arguments @ ..] => mock::run(arguments),
        ["msrv"] => msrv::run(),
        ["oracle", arguments @ ..] => oracle::run(arguments),
        ["restate", arguments @ ..] => restate::run(arguments),
        ["sessions", arguments @ ..] => sessions::run(arguments),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    program::ended(done)
}
