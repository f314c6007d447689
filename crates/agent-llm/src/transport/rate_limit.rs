//! What a reply's head says about the limits of an account.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use agent_core::model::Notice;
use reqwest::header::{DATE, HeaderMap};

use super::headers::text;

/// What stands for the name of a limit in the name of a header.
const NAME: &str = "{name}";

/// What a limit is called that has no name.
const UNNAMED: &str = "requests";

/// A number from here on is no number of seconds, but a Unix time.
const FIRST_TIME: f64 = 1e9;

/// A number from here on is a Unix time in milliseconds. OpenRouter says it so.
const FIRST_IN_MILLISECONDS: f64 = 1e11;

/// The names of the headers that say the limits of an account. `{name}` stands for the name of a
/// limit, such as `tokens`.
#[derive(Clone, Debug)]
pub(crate) struct RateLimitHeaders {
    /// How much is allowed.
    limit: Cow<'static, str>,
    /// How much of it is left.
    remaining: Cow<'static, str>,
    /// When it is whole again.
    reset: Cow<'static, str>,
}

/// As OpenAI names them, and most servers that speak like it.
/// Source: <https://platform.openai.com/docs/guides/rate-limits>.
pub(crate) static OPENAI: RateLimitHeaders = RateLimitHeaders::fixed(
    "x-ratelimit-limit-{name}",
    "x-ratelimit-remaining-{name}",
    "x-ratelimit-reset-{name}",
);

/// As Anthropic names them. Source: <https://docs.claude.com/en/api/rate-limits>.
pub(crate) static ANTHROPIC: RateLimitHeaders = RateLimitHeaders::fixed(
    "anthropic-ratelimit-{name}-limit",
    "anthropic-ratelimit-{name}-remaining",
    "anthropic-ratelimit-{name}-reset",
);

impl RateLimitHeaders {
    const fn fixed(limit: &'static str, remaining: &'static str, reset: &'static str) -> Self {
        Self { limit: Cow::Borrowed(limit), remaining: Cow::Borrowed(remaining), reset: Cow::Borrowed(reset) }
    }

    /// Of these names, in whatever case.
    pub(crate) fn new(limit: &str, remaining: &str, reset: &str) -> Self {
        let [limit, remaining, reset] =
            [limit, remaining, reset].map(|name| Cow::Owned(name.to_ascii_lowercase()));
        Self { limit, remaining, reset }
    }

    /// One notice for each limit that has its three headers.
    pub(crate) fn read(&self, headers: &HeaderMap, now: SystemTime) -> Vec<Notice> {
        let mut names = headers.keys().filter_map(|header| name_in(&self.limit, header.as_str())).peekable();
        if names.peek().is_none() {
            return Vec::new();
        }
        let now = server_time(headers).unwrap_or(now);
        let notice = |name: &str| {
            let header = |pattern: &str| text(headers, &pattern.replace(NAME, name)).map(str::trim);
            Some(Notice::RateLimit {
                of: if name.is_empty() { UNNAMED } else { name }.into(),
                limit: header(&self.limit)?.parse().ok()?,
                remaining: header(&self.remaining)?.parse().ok()?,
                reset: until(header(&self.reset)?, now)?,
            })
        };
        names.filter_map(notice).collect()
    }
}

/// The name of a limit in the name of a header of this pattern; empty if the pattern has none.
fn name_in<'a>(pattern: &str, header: &'a str) -> Option<&'a str> {
    match pattern.split_once(NAME) {
        Some((before, after)) => header.strip_prefix(before)?.strip_suffix(after),
        None => (pattern == header).then_some(""),
    }
}

/// The time by the server's clock, which may differ from ours.
fn server_time(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(text(headers, DATE.as_str())?).ok()
}

/// How long it is until then. It is said as a time (RFC 3339, or in seconds or milliseconds since
/// 1970), as seconds from now, or as Go writes a duration.
fn until(text: &str, now: SystemTime) -> Option<Duration> {
    let from_now = |time: SystemTime| time.duration_since(now).unwrap_or(Duration::ZERO);
    if let Ok(time) = humantime::parse_rfc3339(text) {
        return Some(from_now(time));
    }
    let time = text.parse::<f64>().ok().filter(|seconds| *seconds >= FIRST_TIME);
    let time = time.map(|time| if time >= FIRST_IN_MILLISECONDS { time / 1e3 } else { time });
    let time = time.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    match time {
        Some(since) => SystemTime::UNIX_EPOCH.checked_add(since).map(from_now),
        None => duration(text),
    }
}

/// A time as Go writes it, with fractions: `1h2m3.5s`, `120ms`. A number alone is seconds.
/// (`humantime` reads no fractions.)
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    let mut rest = text;
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
    (!text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    /// A limit: its name, how much it is, how much is left, and milliseconds until it is whole.
    type Expected<'a> = (&'a str, u64, u64, u64);

    fn check(names: &RateLimitHeaders, lines: &[(&str, &'static str)], expected: &[Expected<'_>]) {
        let header = |(name, value): &(&str, &'static str)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::from_static(value))
        };
        let headers = lines.iter().map(header).collect();
        let now = humantime::parse_rfc3339("2026-11-08T11:00:00Z").unwrap();
        let notice = |&(of, limit, remaining, milliseconds): &Expected<'_>| Notice::RateLimit {
            of: of.into(),
            limit,
            remaining,
            reset: Duration::from_millis(milliseconds),
        };
        let expected: Vec<Notice> = expected.iter().map(notice).collect();
        assert_eq!(names.read(&headers, now), expected, "{lines:?}");
    }

    #[test]
    fn each_limit_of_claude_with_its_three_headers_is_a_notice() {
        let check = |lines: &[(&str, &'static str)], expected: &[Expected<'_>]| {
            let named = lines.iter().map(|(name, value)| match name.strip_prefix('-') {
                Some(name) => (format!("anthropic-ratelimit-{name}"), *value),
                None => ((*name).to_owned(), *value),
            });
            let named: Vec<(String, &str)> = named.collect();
            let lines: Vec<(&str, &str)> =
                named.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            check(&ANTHROPIC, &lines, expected);
        };
        let requests = [
            ("-requests-limit", "50"),
            ("-requests-remaining", "49"),
            ("-requests-reset", "2026-11-08T11:00:02Z"),
        ];
        check(&requests, &[("requests", 50, 49, 2_000)]);
        check(&requests[..2], &[]);
        // Our clock is an hour late.
        let late = [("-requests-reset", "2026-11-08T12:00:09Z"), ("date", "Sun, 08 Nov 2026 12:00:00 GMT")];
        check(&[&requests[..2], &late].concat(), &[("requests", 50, 49, 9_000)]);
        let over = [("-requests-reset", "2026-11-08T10:00:00Z")];
        check(&[&requests[..2], &over].concat(), &[("requests", 50, 49, 0)]);
        check(&[&requests[..2], &[("-requests-reset", "soon")]].concat(), &[]);
        let tokens = [
            ("-input-tokens-limit", "40000"),
            ("-input-tokens-remaining", "0"),
            ("-input-tokens-reset", "2026-11-08T11:01:00Z"),
        ];
        check(&tokens, &[("input-tokens", 40_000, 0, 60_000)]);
        check(&[], &[]);
    }

    #[test]
    fn each_limit_of_openai_with_its_three_headers_is_a_notice() {
        let check = |lines: &[(&str, &'static str)], expected: &[Expected<'_>]| {
            check(&OPENAI, lines, expected);
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
    fn a_server_may_name_its_headers_as_it_likes() {
        let names = RateLimitHeaders::new("X-Limit", "X-Left", "X-Reset");
        let lines = |reset| [("x-limit", "60"), ("x-left", "7"), ("x-reset", reset)];
        check(&names, &lines("30"), &[("requests", 60, 7, 30_000)]);
        check(&names, &lines(" 1.5 "), &[("requests", 60, 7, 1_500)]);
        // 2026-11-08T11:00:05Z.
        check(&names, &lines("1794135605"), &[("requests", 60, 7, 5_000)]);
        check(&names, &lines("1794135605000"), &[("requests", 60, 7, 5_000)]);
        check(&names, &lines("1e300"), &[]);
        let names = RateLimitHeaders::new("{name}-limit", "{name}-left", "{name}-reset");
        check(
            &names,
            &[("a-limit", "6"), ("a-left", "5"), ("a-reset", "4"), ("b-limit", "1")],
            &[("a", 6, 5, 4_000)],
        );
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
