//! Who pays for requests.

use std::{fmt, sync::Arc};

use futures::future::BoxFuture;

use crate::{LlmError, Request, Usage, UsageByAgent, Usd};

/// Pays for requests. A run with a budget puts one into its requests.
pub(crate) trait Meter: Send + Sync {
    /// Reserves what the request may use at most, and waits for it if it must. It may change the
    /// request.
    fn reserve<'a>(
        &'a self,
        request: &'a mut Request,
        max_cost: MaxCost<'a>,
    ) -> BoxFuture<'a, Result<Reservation, LlmError>>;

    /// Reserves the same again, for another attempt of the same request.
    fn reserve_again<'a>(
        &'a self,
        request: &'a Request,
        max_cost: MaxCost<'a>,
    ) -> BoxFuture<'a, Result<Reservation, LlmError>>;

    /// Waits until no more time may be spent. If there is no such limit, it waits for ever.
    fn time_is_over(&self) -> BoxFuture<'static, LlmError>;

    /// Adds what its requests have used, and what is reserved for those that are under way. They
    /// count no more after that.
    fn close(&self, usage: &mut UsageByAgent);
}

/// The most that a usage can cost; `None` if that is not known.
pub(crate) type MaxCost<'a> = &'a (dyn Fn(&Usage) -> Option<Usd> + Send + Sync);

/// How a request ended.
pub(crate) enum Settlement {
    /// It used this much.
    Used(Usage),
    /// It was answered, but the server counts no tokens.
    NotCounted {
        /// The tokens of the reply, estimated on the high side.
        output_tokens: u64,
    },
    /// It failed and used nothing.
    Nothing,
    /// Nobody knows, so all that was reserved counts as spent.
    Unknown,
}

/// What is reserved for a request that is under way. If it is dropped, nobody knows what was used.
pub(crate) struct Reservation(Option<Box<dyn FnOnce(Settlement) + Send>>);

impl Reservation {
    /// `settle` is called once.
    pub(crate) fn new(settle: impl FnOnce(Settlement) + Send + 'static) -> Self {
        Self(Some(Box::new(settle)))
    }

    /// The request has ended.
    pub(crate) fn settle(mut self, settlement: Settlement) {
        if let Some(settle) = self.0.take() {
            settle(settlement);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(settle) = self.0.take() {
            settle(Settlement::Unknown);
        }
    }
}

/// The meter of a request. It is not a part of what is sent, so it makes no difference between
/// requests.
#[derive(Clone, Default)]
pub(crate) struct MeterOf(pub(crate) Option<Arc<dyn Meter>>);

impl MeterOf {
    /// See [`Meter::close`].
    pub(crate) fn close(&self, usage: &mut UsageByAgent) {
        self.0.iter().for_each(|meter| meter.close(usage));
    }
}

impl fmt::Debug for MeterOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MeterOf").field(&self.0.is_some()).finish()
    }
}

impl PartialEq for MeterOf {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
