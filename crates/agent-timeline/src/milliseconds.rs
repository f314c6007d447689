//! Times in JSON: numbers of milliseconds, to the microsecond.

use std::time::Duration;

use serde::{Serialize, Serializer};

pub(crate) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    of(*time).serialize(serializer)
}

/// A time in milliseconds.
pub(crate) fn of(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e3
}

/// The same for a time that may be missing.
pub(crate) mod optional {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(of).serialize(serializer)
    }
}

/// A time as people read it: `350 ms`, `1.2 s`, `2 min 5 s`, `5 h 10 min`.
pub(crate) fn words(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        _ if seconds < 0.0005 => "0 s".to_owned(),
        _ if seconds < 0.9995 => format!("{:.0} ms", seconds * 1e3),
        _ if seconds < 99.95 => format!("{} s", format!("{seconds:.1}").trim_end_matches(".0")),
        _ if seconds < 3599.5 => {
            let whole = seconds.round() as u64;
            format!("{} min {} s", whole / 60, whole % 60)
        }
        _ => {
            let minutes = (seconds / 60.0).round() as u64;
            format!("{} h {} min", minutes / 60, minutes % 60)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_as_many_digits_as_people_need() {
        let check = |micros: u64, expected: &str| {
            assert_eq!(words(Duration::from_micros(micros)), expected, "{micros}");
        };
        check(0, "0 s");
        check(49_600, "50 ms");
        check(999_400, "999 ms");
        check(999_600, "1 s");
        check(9_940_000, "9.9 s");
        check(9_960_000, "10 s");
        check(10_500_000, "10.5 s");
        check(99_940_000, "99.9 s");
        check(99_960_000, "1 min 40 s");
        check(125_000_000, "2 min 5 s");
        check(3_599_400_000, "59 min 59 s");
        check(3_599_600_000, "1 h 0 min");
        check(18_630_000_000, "5 h 11 min");
    }
}
