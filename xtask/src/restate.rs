//! A Restate server to try things with; see `restate-server` and `restate-tools`.

use crate::task::{Done, run_package};

/// Starts it, stops it, or shows where it is. With no service named, a team is served there.
pub(crate) fn run(arguments: &[&str]) -> Done {
    run_package("restate-server", arguments)?;
    match arguments {
        ["up", options @ ..] if !options.contains(&"--service") => {
            let folder = options.iter().position(|option| *option == "--folder");
            let folder = folder.map_or(&[][..], |place| &options[place..place + 2]);
            run_package("restate-tools", &[&["stand"], folder].concat())
        }
        _ => Ok(()),
    }
}
