//! A rate limit like the one of an API account.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::vendor::Limits;

/// A rate limit for requests, set with [`Scenario::rate_limit`](crate::Scenario::rate_limit).
/// Requests over the limit are refused as the API refuses them: with a status 429 and a
/// `retry-after` in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    per_second: f64,
    burst: u32,
    headers: bool,
}

impl RateLimit {
    /// Makes a limit of `per_second` requests per second on average, and up to `burst` in a row
    /// after a pause (a token bucket). The least is one request per hour and a burst of one;
    /// smaller values count as these.
    pub fn new(per_second: f64, burst: u32) -> Self {
        Self { per_second: per_second.max(1.0 / 3600.0), burst: burst.max(1), headers: false }
    }

    /// Adds the API's headers to all answers. In the Messages API they are
    /// `anthropic-ratelimit-requests-limit`, `-remaining` and `-reset`. `-reset` is the time, in
    /// whole seconds, when the full burst is available again. In OpenAI's APIs they are
    /// `x-ratelimit-limit-requests`, `x-ratelimit-remaining-requests` and
    /// `x-ratelimit-reset-requests`. The last one is the time until the full burst is available
    /// again, such as `1.5s`.
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

    /// Takes a request or refuses it, with the time until the next one may come. Also returns what
    /// is left, if answers say that.
    pub(crate) fn take(&self) -> Taken {
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
        // It is a whole number that is not negative, and at most the burst.
        let remaining = level.floor() as u32;
        let limits = Limits { limit: self.limit.burst, remaining, reset };
        if !taken {
            self.refused.fetch_add(1, Relaxed);
        }
        Taken { limits, shown: self.limit.headers, wait: (!taken).then_some(next) }
    }
}

/// What the bucket says about a request.
pub(crate) struct Taken {
    /// What is left after it.
    pub(crate) limits: Limits,
    /// Answers say what is left.
    pub(crate) shown: bool,
    /// The request is refused, and may come again after this time.
    pub(crate) wait: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_taken_and_then_a_fixed_number_per_second() {
        let bucket = Bucket::new(RateLimit::new(0.5, 3));
        let taken = || (0..5).filter(|_| bucket.take().wait.is_none()).count();
        assert_eq!((taken(), bucket.refused()), (3, 2));
        assert_eq!(bucket.take().wait, Some(Duration::from_secs(2)));
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(bucket.take().wait, Some(Duration::from_millis(1_500)));
        tokio::time::advance(Duration::from_millis(3_500)).await;
        assert_eq!(taken(), 2);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(taken(), 3, "no more than the burst is saved up");
        assert!(!bucket.take().shown, "nobody asked for headers");
    }

    #[tokio::test(start_paused = true)]
    async fn it_says_what_is_left_and_when_it_is_full_again() {
        let bucket = Bucket::new(RateLimit::new(0.5, 3).with_headers());
        for (remaining, reset) in [(2, 2), (1, 4), (0, 6), (0, 6)] {
            let Taken { limits, shown, .. } = bucket.take();
            assert!(shown);
            assert_eq!((limits.limit, limits.remaining), (3, remaining));
            assert_eq!(limits.reset, Duration::from_secs(reset));
        }
    }
}
