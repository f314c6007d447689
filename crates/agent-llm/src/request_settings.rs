//! Settings of how requests are made: the same for each client of this crate.

/// A method for each of these settings, for a builder that has them in its fields `retry` and
/// `gate`. So they have the same names and words in all clients.
macro_rules! request_settings {
    ($builder:ty) => {
        /// When requests are made, and made again.
        impl $builder {
            /// How often, and when, a failed request is retried.
            pub fn retry(mut self, policy: $crate::RetryPolicy) -> Self {
                self.retry = policy;
                self
            }

            /// How often a failed request is retried. By default twice.
            pub fn max_retries(mut self, retries: usize) -> Self {
                self.retry = self.retry.max_retries(retries);
                self
            }

            /// The gate that holds requests back while the server has no room. By default there is
            /// none. Give all clients of an account the same gate. It learns from what the server
            /// says of its limits. A retried request queues again. A request that waits holds no
            /// connection, and its time limits have not started.
            pub fn gate(mut self, gate: $crate::Gate) -> Self {
                self.gate = Some(gate);
                self
            }

            /// How many requests may be open in parallel: those of this client, of its clones, and
            /// of clients that its `with` makes. By default there is no limit. It sets the
            /// [gate](Self::gate) to [`Gate::at_most`](crate::Gate::at_most), so it replaces a gate
            /// that was set before.
            pub fn requests_at_once(self, requests: usize) -> Self {
                self.gate($crate::Gate::at_most(requests))
            }
        }
    };
}

pub(crate) use request_settings;
