//! The limit of an account, as the API keeps it.

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

/// How many requests for a reply the server takes. It refuses the others (429) with a `retry-after` in whole
/// seconds, as the API does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    per_second: f64,
    burst: u32,
    headers: bool,
}

impl RateLimit {
    /// So many a second, and so many at once after a pause: a bucket of that size. Both are at least one, the
    /// first one an hour.
    pub fn new(per_second: f64, burst: u32) -> Self {
        Self { per_second: per_second.max(1.0 / 3600.0), burst: burst.max(1), headers: false }
    }

    /// Answers say what is left, in `anthropic-ratelimit-requests-limit`, `-remaining` and `-reset`: the time, in
    /// whole seconds, when all of it is there again.
    pub fn with_headers(mut self) -> Self {
        self.headers = true;
        self
    }
}

/// A limit that is kept.
pub(crate) struct Bucket {
    limit: RateLimit,
    level: Mutex<(f64, Instant)>,
    refused: AtomicUsize,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(limit: RateLimit) -> Self {
        let level = Mutex::new((f64::from(limit.burst), Instant::now()));
        Self { limit, level, refused: AtomicUsize::new(0) }
    }

    /// How many requests it refused.
    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Relaxed)
    }

    /// Takes a request, or refuses it; what its answer's head says.
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
        // Rounded up: by then it is full.
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
    async fn a_burst_is_taken_and_then_so_many_a_second() {
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
    async fn headers_say_what_is_left_and_when_it_is_whole_again() {
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
