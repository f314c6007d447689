//! What a turn costs, beside a bare loop on the same connection: `cargo xtask bench`.
//!
//! The driver starts this program again for each part, so that no part's time counts as another's: one process is the
//! server, and each measurement is a process of its own.

mod client;
mod clock;
mod command_line;
mod drive;
mod floor;
mod ours;
mod plot;
mod report;
mod row;
mod serve;
mod wire;
mod work;
mod written;

use std::{error::Error, process::ExitCode};

use clap::Parser;
use command_line::{CommandLine, Part};

/// How a part ends.
type Done<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let line = CommandLine::parse();
    let done = match line.part {
        Some(Part::Serve) => serve::run(),
        Some(Part::Client { side, job, url, conversations }) => client::run(&side, &job, &url, conversations),
        None => drive::run(&line.measured),
    };
    program::ended(done.map_err(|error| error as _))
}
