//! A rate limit like the one of an API account.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use hyper::{HeaderMap, header::HeaderValue};
use tokio::time::Instant;

use crate::Refusal;

/// A rate limit for requests, set with [`Scenario::rate_limit`](crate::Scenario::rate_limit).
/// Requests over it are refused with a status 429 and a `retry-after` in whole seconds, as the API
/// does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    per_second: f64,
    burst: u32,
    headers: bool,
}

impl RateLimit {
    /// A token bucket: `per_second` requests per second on average, and up to `burst` in a row
    /// after a pause. Values that are too small become the smallest allowed ones: one request per
    /// hour, and a burst of one.
    pub fn new(per_second: f64, burst: u32) -> Self {
        Self { per_second: per_second.max(1.0 / 3600.0), burst: burst.max(1), headers: false }
    }

    /// Adds the API's headers `anthropic-ratelimit-requests-limit`, `-remaining` and `-reset` to
    /// all answers. The last one is the time, in whole seconds, when the full burst is available
    /// again.
    pub fn with_headers(mut self) -> Self {
        self.headers = true;
        self
    }
}

/// The token bucket that enforces a limit.
pub(crate) struct Bucket {
    limit: RateLimit,
    level: Mutex<(f64, Instant)>,
    refused: AtomicUsize,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(limit: RateLimit) -> Self {
        let level = Mutex::new((f64::from(limit.burst), Instant::now()));
        Self { limit, level, refused: AtomicUsize::new(0) }
    }

    /// How many requests were refused.
    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Relaxed)
    }

    /// Takes a request or refuses it. Also returns the headers for its answer.
    pub(crate) fn take(&self) -> (HeaderMap, Result<(), Refusal>) {
        let size = f64::from(self.limit.burst);
        let mut bucket = self.level.lock().expect("nothing that holds this lock can panic");
        let (level, at) = &mut *bucket;
        *level = (*level + at.elapsed().as_secs_f64() * self.limit.per_second).min(size);
        *at = Instant::now();
        let taken = *level >= 1.0;
        if taken {
            *level -= 1.0;
        }
        let until = |full: f64| Duration::from_secs_f64((full - *level) / self.limit.per_second);
        let (next, reset) = (until(1.0_f64.max(*level)), until(size));
        let headers = if self.limit.headers { self.headers(*level, reset) } else { HeaderMap::new() };
        (headers, if taken { Ok(()) } else { Err(self.refuse(next)) })
    }

    fn refuse(&self, next: Duration) -> Refusal {
        self.refused.fetch_add(1, Relaxed);
        let message = "This request would exceed your account's rate limit. Please try again later.";
        let mut refusal = Refusal::new(429, "rate_limit_error", message);
        refusal.retry_after = Some(Duration::from_secs_f64(next.as_secs_f64().ceil()));
        refusal
    }

    fn headers(&self, level: f64, reset: Duration) -> HeaderMap {
        // Rounded up, so that the bucket is full by then.
        let reset = SystemTime::now() + reset + Duration::from_nanos(999_999_999);
        let lines = [
            ("anthropic-ratelimit-requests-limit", self.limit.burst.to_string()),
            ("anthropic-ratelimit-requests-remaining", level.floor().to_string()),
            ("anthropic-ratelimit-requests-reset", humantime::format_rfc3339_seconds(reset).to_string()),
        ];
        let valid = |text: String| HeaderValue::try_from(text).expect("numbers and times are ASCII");
        lines
            .into_iter()
            .map(|(name, text)| (hyper::header::HeaderName::from_static(name), valid(text)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
        headers[&format!("anthropic-ratelimit-requests-{name}")].to_str().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_taken_and_then_a_fixed_number_per_second() {
        let bucket = Bucket::new(RateLimit::new(0.5, 3));
        let taken = || (0..5).filter(|_| bucket.take().1.is_ok()).count();
        assert_eq!((taken(), bucket.refused()), (3, 2));
        let refusal = bucket.take().1.unwrap_err();
        assert_eq!((refusal.status, refusal.retry_after), (429, Some(Duration::from_secs(2))));
        tokio::time::advance(Duration::from_millis(500)).await;
        let whole = Some(Duration::from_secs(2));
        assert_eq!(bucket.take().1.unwrap_err().retry_after, whole, "1.5 s, rounded up");
        tokio::time::advance(Duration::from_millis(3_500)).await;
        assert_eq!(taken(), 2);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(taken(), 3, "no more than the burst is saved up");
        assert!(bucket.take().0.is_empty(), "nobody asked for headers");
    }

    #[tokio::test(start_paused = true)]
    async fn headers_say_what_is_left_and_when_the_bucket_is_full_again() {
        let bucket = Bucket::new(RateLimit::new(0.5, 3).with_headers());
        for remaining in ["2", "1", "0", "0"] {
            let (headers, _) = bucket.take();
            assert_eq!((header(&headers, "limit"), header(&headers, "remaining")), ("3", remaining));
            let reset = humantime::parse_rfc3339(header(&headers, "reset")).unwrap();
            let missing = 3 - remaining.parse::<u64>().unwrap();
            let wait = reset.duration_since(SystemTime::now()).unwrap().as_secs_f64();
            let least = (missing * 2) as f64;
            assert!((least - 0.5..least + 1.0).contains(&wait), "{wait} s for {missing}");
        }
    }
}
