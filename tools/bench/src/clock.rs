//! What a process has used.

use std::{fs, time::Duration};

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    time::{ClockId, Timespec, clock_gettime},
};

/// The CPU time of this process, kernel time included.
pub(crate) fn cpu() -> Duration {
    duration(clock_gettime(ClockId::ProcessCPUTime))
}

/// The CPU time of this thread.
pub(crate) fn thread_cpu() -> Duration {
    duration(clock_gettime(ClockId::ThreadCPUTime))
}

fn duration(time: Timespec) -> Duration {
    let (seconds, nanoseconds) = (time.tv_sec.try_into(), time.tv_nsec.try_into());
    Duration::new(seconds.expect("a clock of use runs forward"), nanoseconds.expect("below a second"))
}

/// A line of `/proc/self/status` in KB: `VmRSS` (memory now), `VmHWM` (the most so far). 0 where there is no such file.
pub(crate) fn memory(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// As many open files as this process may have: a connection is one.
pub(crate) fn allow_files() {
    let most = getrlimit(Resource::Nofile).maximum;
    // Less is a matter for the row that needs more.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most });
}
