//! What ends a server whose owner is gone.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// A shell that kills a process once the owner of this is gone, however it went: the system then closes the pipe that
/// the shell reads from. (The kernel's own way to do that can be asked for only with `unsafe`.)
#[derive(Debug)]
pub(crate) struct Watch(Child);

impl Watch {
    pub(crate) fn over(pid: u32) -> io::Result<Self> {
        let mut shell = Command::new("sh");
        shell.args(["-c", "read -r _; kill -9 \"$0\"", &pid.to_string()]);
        // A group of its own: the terminal's signals reach the owner only.
        shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        shell.spawn().map(Self)
    }

    /// Lets the process be.
    pub(crate) fn end(mut self) {
        // It can only be dead already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
