//! A program whose output nobody reads, for tests.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Command, Stdio},
};

/// Runs a program on a standard output that is closed from the start. Panics, with what it said on standard error, unless it
/// ends with 0 and says nothing there.
///
/// # Errors
///
/// If it does not start.
pub fn ends_quietly_unread(command: &mut Command) -> io::Result<()> {
    let (closed, output) = UnixStream::pair()?;
    drop(closed);
    let ended = command.stdin(Stdio::null()).stdout(OwnedFd::from(output)).stderr(Stdio::piped()).output()?;
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && said.is_empty(), "{command:?}: {}: {said}", ended.status);
    Ok(())
}
