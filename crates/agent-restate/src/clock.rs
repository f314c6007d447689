//! The clock. Handlers read it in steps only, because a replay must find the same time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The current time, in µs since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// The time so many µs after 1970.
pub(crate) fn time(micros: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(micros)
}
