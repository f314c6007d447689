//! What a reply's head says about the limits of the account.

use std::time::{Duration, SystemTime};

use agent_core::model::Notice;
use reqwest::header::HeaderMap;

use crate::transport::headers::text;

/// What stands before the name of each limit.
const PREFIX: &str = "x-ratelimit-limit-";

/// One notice for each limit that has its three headers: `x-ratelimit-limit-requests`,
/// `x-ratelimit-remaining-requests` and `x-ratelimit-reset-requests`, which says how long, as in
/// `6m0s`. Source: <https://platform.openai.com/docs/guides/rate-limits>.
pub(super) fn rate_limits(headers: &HeaderMap, _now: SystemTime) -> Vec<Notice> {
    let named = |name: &str| {
        let of = name.strip_prefix(PREFIX)?;
        let header = |part: &str| text(headers, &format!("x-ratelimit-{part}-{of}"));
        Some(Notice::RateLimit {
            of: of.to_owned(),
            limit: header("limit")?.parse().ok()?,
            remaining: header("remaining")?.parse().ok()?,
            reset: duration(header("reset")?)?,
        })
    };
    headers.keys().filter_map(|name| named(name.as_str())).collect()
}

/// A time as Go writes it, with fractions: `1h2m3.5s`, `120ms`. A number alone is seconds.
/// (`humantime` reads no fractions.)
fn duration(text: &str) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let unit_end = after.find(|char: char| char.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let seconds = match unit {
            "d" => 86_400.0,
            "h" => 3_600.0,
            "m" => 60.0,
            "s" | "" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        let more = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        sum = sum.checked_add(more)?;
        rest = after;
    }
    (!text.trim().is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn each_limit_with_its_three_headers_is_a_notice() {
        let check = |lines: &[(&'static str, &'static str)], expected: &[(&str, u64, u64, u64)]| {
            let header = |(name, value): &(&'static str, &'static str)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            let notice = |&(of, limit, remaining, milliseconds): &(&str, u64, u64, u64)| Notice::RateLimit {
                of: of.to_owned(),
                limit,
                remaining,
                reset: Duration::from_millis(milliseconds),
            };
            let expected: Vec<Notice> = expected.iter().map(notice).collect();
            let headers = lines.iter().map(header).collect();
            assert_eq!(rate_limits(&headers, SystemTime::UNIX_EPOCH), expected, "{lines:?}");
        };
        let requests = [
            ("x-ratelimit-limit-requests", "60"),
            ("x-ratelimit-remaining-requests", "59"),
            ("x-ratelimit-reset-requests", "1s"),
        ];
        let tokens = [
            ("x-ratelimit-limit-tokens", "150000"),
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ];
        check(&requests, &[("requests", 60, 59, 1_000)]);
        check(&tokens, &[("tokens", 150_000, 0, 360_000)]);
        check(&requests[..2], &[]);
        check(&[requests[0], requests[1], ("x-ratelimit-reset-requests", "soon")], &[]);
        check(&[], &[]);
    }

    #[test]
    fn times_are_read_as_servers_write_them() {
        let check = |text: &str, milliseconds: Option<u64>| {
            assert_eq!(duration(text), milliseconds.map(Duration::from_millis), "{text}");
        };
        check("120ms", Some(120));
        check("7.66s", Some(7_660));
        check("2m59.56s", Some(179_560));
        check("1h2m3s", Some(3_723_000));
        check("12", Some(12_000));
        check("0s", Some(0));
        for nonsense in ["", "s", "-1s", "1x", "1.2.3s", "1e300s"] {
            check(nonsense, None);
        }
    }
}
