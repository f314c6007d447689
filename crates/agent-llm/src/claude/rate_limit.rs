//! What a reply's head says about the limits of the account.

use std::time::{Duration, SystemTime};

use agent_core::model::Notice;
use reqwest::header::{DATE, HeaderMap};

use crate::transport::headers::text;

/// One notice for each limit that has its three headers: `anthropic-ratelimit-requests-limit`,
/// `-remaining` and `-reset`, which is a time (RFC 3339). Source:
/// <https://docs.claude.com/en/api/rate-limits>.
pub(crate) fn rate_limits(headers: &HeaderMap, now: SystemTime) -> Vec<Notice> {
    let named = |name: &str| {
        let of = name.strip_prefix("anthropic-ratelimit-")?.strip_suffix("-limit")?;
        let header = |part: &str| text(headers, &format!("anthropic-ratelimit-{of}-{part}"));
        let reset = humantime::parse_rfc3339(header("reset")?).ok()?;
        Some(Notice::RateLimit {
            of: of.to_owned(),
            limit: header("limit")?.parse().ok()?,
            remaining: header("remaining")?.parse().ok()?,
            reset: reset.duration_since(server_time(headers).unwrap_or(now)).unwrap_or(Duration::ZERO),
        })
    };
    headers.keys().filter_map(|name| named(name.as_str())).collect()
}

/// The time by the server's clock, which may differ from ours.
fn server_time(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(text(headers, DATE.as_str())?).ok()
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn check(lines: &[(&str, &'static str)], expected: &[(&str, u64, u64, u64)]) {
        let header = |(name, value): &(&str, &'static str)| {
            let name = match name.strip_prefix('-') {
                Some(name) => format!("anthropic-ratelimit-{name}"),
                None => (*name).to_owned(),
            };
            (HeaderName::try_from(name).unwrap(), HeaderValue::from_static(value))
        };
        let headers = lines.iter().map(header).collect();
        let now = humantime::parse_rfc3339("2026-11-08T11:00:00Z").unwrap();
        let notice = |&(of, limit, remaining, seconds): &(&str, u64, u64, u64)| Notice::RateLimit {
            of: of.to_owned(),
            limit,
            remaining,
            reset: Duration::from_secs(seconds),
        };
        let expected: Vec<Notice> = expected.iter().map(notice).collect();
        assert_eq!(rate_limits(&headers, now), expected, "{lines:?}");
    }

    #[test]
    fn each_limit_with_its_three_headers_is_a_notice() {
        let requests = [
            ("-requests-limit", "50"),
            ("-requests-remaining", "49"),
            ("-requests-reset", "2026-11-08T11:00:02Z"),
        ];
        check(&requests, &[("requests", 50, 49, 2)]);
        check(&requests[..2], &[]);
        // Our clock is an hour late.
        check(
            &[
                &requests[..2],
                &[("-requests-reset", "2026-11-08T12:00:09Z"), ("date", "Sun, 08 Nov 2026 12:00:00 GMT")],
            ]
            .concat(),
            &[("requests", 50, 49, 9)],
        );
        check(
            &[&requests[..2], &[("-requests-reset", "2026-11-08T10:00:00Z")]].concat(),
            &[("requests", 50, 49, 0)],
        );
        check(&[&requests[..2], &[("-requests-reset", "soon")]].concat(), &[]);
        let tokens = [
            ("-input-tokens-limit", "40000"),
            ("-input-tokens-remaining", "0"),
            ("-input-tokens-reset", "2026-11-08T11:01:00Z"),
        ];
        check(&tokens, &[("input-tokens", 40_000, 0, 60)]);
        check(&[], &[]);
    }
}
