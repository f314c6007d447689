//! The drill. Its packages bring an engine each and are built only for who asks.

use crate::task::{Done, run_package};

/// Kills runs until they come to their end; see `journal-tools` and `restate-tools`.
pub(crate) fn run(options: &[&str]) -> Done {
    let (mut engine, mut options) = ("journal", options.to_vec());
    if let Some(place) = options.iter().position(|option| *option == "--engine") {
        engine = options.get(place + 1).ok_or("--engine needs journal or restate")?;
        options.drain(place..place + 2);
    }
    let package = match engine {
        "journal" => "journal-tools",
        "restate" => "restate-tools",
        other => return Err(format!("there is no engine {other:?}, only: journal, restate").into()),
    };
    run_package(package, &[&["drill"], &options[..]].concat())
}
