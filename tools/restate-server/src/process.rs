//! A server's process, known by its number and the folder it keeps its data in.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

/// Whether `pid` is a server that keeps its data in `folder`. Numbers are given again, folders are not: so nobody else is
/// taken for it.
pub(crate) fn is_server(pid: u32, folder: &Path) -> bool {
    let folder = folder.to_string_lossy();
    match fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(line) => {
            let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
            words.windows(2).any(|pair| pair == [b"--base-dir", folder.as_bytes()])
        }
        // Where there is no /proc.
        Err(_) => ps(pid, "args=").is_some_and(|line| line.contains(&format!("--base-dir {folder} "))),
    }
}

/// Sends a signal, if the process is there.
pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    // What can't be reached is dead.
    let _ = pid.map(|pid| kill_process(pid, signal));
}

/// The memory that is the process's own or shared with others, in KiB.
pub(crate) fn rss_kb(pid: u32) -> Option<u64> {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else {
        return ps(pid, "rss=")?.trim().parse().ok();
    };
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn ps(pid: u32, what: &str) -> Option<String> {
    let output = Command::new("ps").args(["-ww", "-o", what, "-p", &pid.to_string()]).output().ok()?;
    String::from_utf8(output.stdout).ok().filter(|said| !said.trim().is_empty())
}
