//! The project's own tasks: `cargo xtask TASK`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod bench;
mod command_line;
mod demo;
mod demo_check;
mod drill;
mod faults;
mod foreign;
mod gate;
mod layers;
mod lengths;
mod mcp;
mod metadata;
mod mock;
mod msrv;
mod npm;
mod oracle;
mod plans;
mod python;
mod restate;
mod served;
mod sessions;
mod soak;
mod source;
mod task;
mod test_only;

use std::process::ExitCode;

use clap::Parser;
use command_line::{CommandLine, Task};

/// Exits with 0 if the task went well, 1 if it did not, 2 if there is no such task or option.
fn main() -> ExitCode {
    program::ended(match CommandLine::parse().task {
        Task::Bench(options) => bench::run(&options),
        Task::Demo(options) => demo::run(&options),
        Task::DemoCheck => demo_check::run(),
        Task::Drill(options) => drill::run(&options),
        Task::Faults => faults::run(),
        Task::Foreign(options) => foreign::run(&options),
        Task::Gate => gate::run(),
        Task::Layers => layers::run(),
        Task::Lengths => lengths::run(),
        Task::Mcp(options) => mcp::run(&options),
        Task::Mock(script) => mock::run(&script),
        Task::Msrv => msrv::run(),
        Task::Oracle(options) => oracle::run(&options),
        Task::Plans => plans::run(),
        Task::Picture => demo::picture::run(),
        Task::Restate(options) => restate::run(&options),
        Task::Sessions(_) => sessions::run(),
        Task::Soak(options) => soak::run(&options),
    })
}
