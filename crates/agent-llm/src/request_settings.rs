//! Settings of how requests are made: the same for each client of this crate.

/// A method for each of these settings, for a builder that has them in its fields `retry` and
/// `gate`. So they have the same names and words in all clients.
macro_rules! request_settings {
    ($builder:ty) => {
        /// When requests are made, and made again.
        impl $builder {
            /// How many times, and after what wait, a failed request is retried. By default as
            /// `RetryPolicy::default()` says: twice.
            pub fn retry(mut self, policy: $crate::RetryPolicy) -> Self {
                self.retry = policy;
                self
            }

            /// The most retries of a failed request. By default 2. 0 means that requests are not
            /// retried.
            pub fn max_retries(mut self, retries: usize) -> Self {
                self.retry = self.retry.max_retries(retries);
                self
            }

            /// The gate, a rate limiter that holds requests back while the server would refuse
            /// them. By default there is no gate. Give all clients of an account the same gate. It
            /// learns the limits from the server's answers. A retried request queues again. A
            /// request that waits holds no connection, and its time limits have not started.
            pub fn gate(mut self, gate: $crate::Gate) -> Self {
                self.gate = Some(gate);
                self
            }

            /// How many requests may be open in parallel: those of this client, of its clones, and
            /// of clients made from it by `with`. Further requests wait. By default there is no
            /// limit. This sets the [gate](Self::gate) to [`Gate::at_most`](crate::Gate::at_most),
            /// and replaces a gate that was set before.
            pub fn requests_at_once(self, requests: usize) -> Self {
                self.gate($crate::Gate::at_most(requests))
            }
        }
    };
}

pub(crate) use request_settings;
