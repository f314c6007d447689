//! What requests cost.

use std::sync::Arc;

use futures::StreamExt;

use crate::{BoxStream, Counts, Delta, Json, Llm, LlmError, Request, SharedText, Usage, Usd};

/// A list of prices. Implement it for your own prices, or use agent-llm's `PublishedPrices` (feature
/// `prices`), which knows the models of most providers. A closure is a list, too.
///
/// ```
/// use agent_core::{Usage, budget::Usd, model::Prices};
///
/// // $1 for a million input tokens, $5 for a million output tokens.
/// let prices = |model: &str, usage: &Usage| {
///     let micros = usage.all_input_tokens() + 5 * usage.output_tokens;
///     (model == "small").then(|| Usd::from_micros(micros))
/// };
/// assert_eq!(prices.cost("small", &Usage::new(1_000_000, 100)), Some(Usd::from_micros(1_000_500)));
/// assert_eq!(prices.cost("large", &Usage::new(1, 1)), None);
/// ```
pub trait Prices: Send + Sync {
    /// What this usage of a model costs, rounded up; `None` if the model is not known.
    fn cost(&self, model: &str, usage: &Usage) -> Option<Usd>;
}

impl<F: Fn(&str, &Usage) -> Option<Usd> + Send + Sync> Prices for F {
    fn cost(&self, model: &str, usage: &Usage) -> Option<Usd> {
        self(model, usage)
    }
}

impl Prices for Arc<dyn Prices> {
    fn cost(&self, model: &str, usage: &Usage) -> Option<Usd> {
        (**self).cost(model, usage)
    }
}

/// A wrapper around a backend that knows what its requests cost. It sets [`Usage::cost`]. A budget
/// with [money](crate::budget::Budget::usd) needs it.
///
/// The cost is that of the model which the reply names, and if the prices do not have that model, of
/// the model that the backend asks.
pub struct Priced<L> {
    llm: L,
    model: String,
    prices: Arc<dyn Prices>,
}

/// The error if the prices do not have a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the price of model {model:?} is not known: give a list of prices that has it")]
pub struct UnknownPrice {
    /// The model.
    pub model: String,
}

impl<L: Llm> Priced<L> {
    /// Wraps a backend that asks this model. Fails if the prices do not have the model.
    pub fn new(
        llm: L,
        model: impl Into<String>,
        prices: impl Prices + 'static,
    ) -> Result<Self, UnknownPrice> {
        let model = model.into();
        match prices.cost(&model, &Usage::new(1, 1)) {
            Some(_) => Ok(Self { llm, model, prices: Arc::new(prices) }),
            None => Err(UnknownPrice { model }),
        }
    }
}

impl<L: Llm> Llm for Priced<L> {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let (usage, named) = (Usage::default(), None);
        let mut bill = Bill { model: &self.model, prices: &*self.prices, named, usage };
        self.llm.stream(request).map(move |delta| bill.add_cost(delta)).boxed()
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        self.llm.supports_answer_schema(schema)
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        self.prices.cost(&self.model, usage)
    }
}

/// What a reply has cost so far.
struct Bill<'a> {
    model: &'a str,
    prices: &'a dyn Prices,
    /// The model that the reply names.
    named: Option<SharedText>,
    usage: Usage,
}

impl Bill<'_> {
    fn add_cost(&mut self, delta: Result<Delta, LlmError>) -> Result<Delta, LlmError> {
        let mut delta = delta.map_err(|error| {
            let cost = self.cost(&error.usage());
            let usage = Usage { cost, ..error.usage() };
            error.costing(usage)
        })?;
        match &mut delta {
            Delta::Start { model, usage, .. } => {
                self.named.clone_from(model);
                self.update(usage);
            }
            Delta::Stop { usage, .. } => self.update(usage),
            Delta::Complete(response) => {
                self.named.clone_from(&response.model);
                Arc::make_mut(response).usage.cost = self.cost(&response.usage);
            }
            // Another model may answer now, and not say which.
            Delta::Restarted { .. } => (self.named, self.usage) = (None, Usage::default()),
            _ => {}
        }
        Ok(delta)
    }

    fn update(&mut self, counts: &mut Counts) {
        self.usage.update(counts);
        counts.cost = Some(self.cost(&self.usage));
    }

    fn cost(&self, usage: &Usage) -> Usd {
        if *usage == Usage::default() {
            return Usd::ZERO;
        }
        let named = self.named.as_ref().and_then(|model| self.prices.cost(model, usage));
        named.or_else(|| self.prices.cost(self.model, usage)).unwrap_or_default()
    }
}
