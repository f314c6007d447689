//! A Restate server to try things with; see `restate-server` and `restate-tools`.

use options::{Restate, Task};

use crate::task::{Done, run_package, typed};

/// Starts it, stops it, or shows where it is. With no service named, a team is served there.
pub(crate) fn run(options: &Restate) -> Done {
    run_package("restate-server", typed())?;
    match &options.task {
        Task::Up(up) if up.service.is_none() => {
            let folder = options.folder.iter().flat_map(|folder| ["--folder".as_ref(), folder.as_os_str()]);
            run_package("restate-tools", ["stand".as_ref()].into_iter().chain(folder))
        }
        _ => Ok(()),
    }
}
