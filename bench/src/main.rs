//! What a turn costs, beside a bare loop on the same connection: `cargo xtask bench`.
//!
//! The driver starts this program again for each part, so that no part's time counts as another's: one process is the
//! server, and each measurement is a process of its own.

mod client;
mod clock;
mod drive;
mod floor;
mod ours;
mod plot;
mod report;
mod row;
mod serve;
mod sse;
mod work;

use std::{env, error::Error, process::ExitCode};

/// How a part ends.
type Done<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["serve"] => serve::run(),
        ["client", side, job, url, conversations] => client::run(side, job, url, conversations),
        options => drive::run(options),
    };
    program::ended(done.map_err(|error| error as _))
}
