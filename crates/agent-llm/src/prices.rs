//! What models cost, from a published list.

use agent_core::{Usage, budget::Usd, model::Prices};
use genai_prices::{Calculator, PriceRequest, UsageKey};

/// The published prices of most providers' models, for
/// [`Priced`](agent_core::model::Priced): then [`Usage::cost`] is what a request costs, and a budget
/// with [money](agent_core::budget::Budget::usd) holds.
///
/// The list is that of the crate [genai-prices](https://docs.rs/genai-prices), as of the version in
/// your `Cargo.lock`: `cargo update -p genai-prices` gets newer prices. A cost counts what was read
/// from a prompt cache and written to it (for five minutes or for an hour), prices that are higher
/// for long prompts, and web searches. It is a whole number of micro-dollars, rounded up. It is what
/// the provider's list says: discounts of your account are not in it.
///
/// A model that is not in the list has no price, so `Priced::new` fails. For models of your own,
/// give it a closure instead ([`Prices`]).
///
/// The first price takes about 50 ms, in which the list is read, and five times that in a debug
/// build. `Priced::new` asks for one, so no request waits for it. A program that uses no price never
/// reads the list.
///
/// ```
/// use agent_core::{Agent, Limits, budget::{Budget, Usd}, model::Priced};
/// use agent_llm::{Claude, PublishedPrices};
///
/// let model = "claude-sonnet-5-5";
/// let claude = Claude::builder().key("sk-ant-example").model(model).build()?;
/// let agent = Agent::builder("guide", Priced::new(claude, model, PublishedPrices::new())?).build()?;
/// let limits = Limits::new().budget(Budget::new().usd(Usd::dollars(0.5)));
/// # drop((agent, limits));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishedPrices {
    provider: Option<String>,
    /// What else a price depends on: a name and a value.
    variant: Option<(&'static str, String)>,
}

impl PublishedPrices {
    /// The prices of the company that makes a model, which is found by the model's name.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets who is asked for the model, because some ask other prices than the company that makes
    /// it: `"aws"`, `"azure"`, `"google"`, `"openrouter"`, `"groq"`. The names are those of
    /// genai-prices. No model of an unknown provider has a price.
    pub fn provider(mut self, provider: impl Into<String>) -> Self {
        self.provider = Some(provider.into());
        self
    }

    /// Sets the tier of OpenAI's APIs that all requests have: `"flex"`, `"priority"`. A model that
    /// has no prices of its own for this tier has no price. It replaces [`batch`](Self::batch).
    pub fn service_tier(mut self, tier: impl Into<String>) -> Self {
        self.variant = Some(("service_tier", tier.into()));
        self
    }

    /// Sets that all requests are parts of batches, which cost less. A model that has no prices of
    /// its own for batches has no price. It replaces [`service_tier`](Self::service_tier).
    ///
    /// ```
    /// use agent_core::{Usage, budget::Usd, model::Prices};
    /// use agent_llm::PublishedPrices;
    ///
    /// let (prices, usage) = (PublishedPrices::new(), Usage::new(1_000, 100));
    /// assert_eq!(prices.cost("claude-sonnet-5-5", &usage), Some(Usd::from_micros(3_000)));
    /// assert_eq!(prices.batch().cost("claude-sonnet-5-5", &usage), Some(Usd::from_micros(1_500)));
    /// ```
    pub fn batch(mut self) -> Self {
        self.variant = Some(("processing", "batch".to_owned()));
        self
    }

    /// The cost in dollars; with `is_standard`, without the variant.
    fn dollars(&self, model: &str, usage: &genai_prices::Usage, is_standard: bool) -> Option<f64> {
        let mut request = PriceRequest::new(model, usage);
        request.provider_id = self.provider.as_deref();
        if let Some((name, value)) = self.variant.as_ref().filter(|_| !is_standard) {
            request = request.with_price_context(name, value);
        }
        let price = Calculator::bundled().calculate(&request).ok()?;
        Some(price.total_price)
    }

    /// The list gives the standard price for a variant that it does not know.
    fn knows_variant(&self, model: &str) -> bool {
        let usage = counts(&Usage::new(1_000, 1_000));
        self.variant.is_none() || self.dollars(model, &usage, false) != self.dollars(model, &usage, true)
    }
}

impl Prices for PublishedPrices {
    fn cost(&self, model: &str, usage: &Usage) -> Option<Usd> {
        let dollars = self.dollars(model, &counts(usage), false)?;
        self.knows_variant(model).then(|| rounded_up(dollars))
    }
}

/// The counts by the names of the list, which counts what the cache has as input, too.
fn counts(usage: &Usage) -> genai_prices::Usage {
    let for_an_hour = usage.cache_creation.ephemeral_1h_input_tokens;
    let by_time = for_an_hour.saturating_add(usage.cache_creation.ephemeral_5m_input_tokens);
    // A server may say only one of the two.
    let written = usage.cache_creation_input_tokens.max(by_time);
    let input = usage.input_tokens.saturating_add(written).saturating_add(usage.cache_read_input_tokens);
    genai_prices::Usage::from(
        [
            (UsageKey::INPUT_TOKENS, input),
            (UsageKey::OUTPUT_TOKENS, usage.output_tokens),
            (UsageKey::CACHE_READ_TOKENS, usage.cache_read_input_tokens),
            (UsageKey::CACHE_WRITE_TOKENS, written),
            (UsageKey::CACHE_WRITE_1H_TOKENS, for_an_hour),
            (UsageKey::WEB_SEARCHES, usage.server_tool_use.web_search_requests),
        ]
        // A number of tokens is exact in a float up to 2^53.
        .map(|(key, count)| (key, count as f64)),
    )
}

/// The list computes with floats, so a whole number of micro-dollars may come a little too large.
fn rounded_up(dollars: f64) -> Usd {
    const ERROR: f64 = 1e-12;
    // The conversion of a float saturates.
    Usd::from_micros((dollars * 1e6 * (1.0 - ERROR)).ceil() as u64)
}

#[cfg(test)]
mod tests {
    use agent_core::{model::Priced, script::Script};

    use super::*;

    fn cost(prices: &PublishedPrices, model: &str, usage: Usage) -> Option<u64> {
        prices.cost(model, &usage).map(Usd::micros)
    }

    /// A usage as the Messages API writes it.
    fn said(json: &str) -> Usage {
        serde_json::from_str(json).unwrap()
    }

    /// Computed by hand from `data/prices.json` of genai-prices 0.2.1. A price there is in dollars for
    /// a million tokens, which is in micro-dollars for one.
    #[test]
    fn prices_are_those_of_the_list() {
        let check = |model: &str, usage: Usage, micros: u64| {
            assert_eq!(cost(&PublishedPrices::new(), model, usage), Some(micros), "{model} {usage}");
        };
        // $2 and $10, read from the cache $0.1, written to it $2.5 and, for an hour, $4.
        check("claude-sonnet-5-5", Usage::new(1_000, 100), 2_000 + 1_000);
        let read = r#"{"input_tokens": 7, "output_tokens": 3, "cache_read_input_tokens": 10000}"#;
        check("claude-sonnet-5-5", said(read), 14 + 30 + 1_000);
        let written = said(r#"{"cache_creation_input_tokens": 1000}"#);
        check("claude-sonnet-5-5", written, 2_500);
        let by_time =
            r#""cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 600}"#;
        let both = said(&format!(r#"{{"cache_creation_input_tokens": 1000, {by_time}}}"#));
        check("claude-sonnet-5-5", both, 1_000 + 2_400);
        check("claude-sonnet-5-5", said(&format!("{{{by_time}}}")), 1_000 + 2_400);
        // $10 for a thousand searches.
        let searches = said(r#"{"server_tool_use": {"web_search_requests": 3}}"#);
        check("claude-sonnet-5-5", searches, 30_000);
        // $4 and $20.
        check("claude-opus-5-5", Usage::new(1_000, 100), 4_000 + 2_000);
        check("claude-opus-5-5-20260101", Usage::new(1_000, 100), 4_000 + 2_000);
        // $0.1 and $0.5; if the prompt has more than 100,000 tokens, $0.5 and $2.5. Rounded up.
        check("claude-haiku-5-5", Usage::new(1_000, 100), 100 + 50);
        check("claude-haiku-5-5", Usage::new(1, 0), 1);
        check("claude-haiku-5-5", Usage::new(11, 1), 2);
        check("claude-haiku-5-5", Usage::new(100_000, 10), 10_005);
        check("claude-haiku-5-5", Usage::new(100_001, 10), 50_001 + 25);
        // $1.25 and $10, read from the cache $0.125.
        check("gpt-5", Usage::new(1_000, 100), 1_250 + 1_000);
        check("gpt-5", said(r#"{"cache_read_input_tokens": 8}"#), 1);
        // It has no price for what is written to a cache: that is input.
        check("gpt-5", written, 1_250);
        check("claude-sonnet-5-5", Usage::default(), 0);
    }

    #[test]
    fn whole_micro_dollars_are_not_rounded_up_by_an_error_of_floats() {
        let prices = PublishedPrices::new();
        for tokens in (10..1_000_000).step_by(9_990).chain([3_000_000_000]) {
            let expected = Some(2 * tokens + 10 * tokens);
            assert_eq!(cost(&prices, "claude-sonnet-5-5", Usage::new(tokens, tokens)), expected, "{tokens}");
        }
        assert_eq!(cost(&prices, "claude-sonnet-5-5", Usage::new(u64::MAX, u64::MAX)), Some(u64::MAX));
    }

    #[test]
    fn others_than_the_company_that_makes_a_model_and_batches_have_their_own_prices() {
        let (all, usage) = (PublishedPrices::new(), Usage::new(1_000, 100));
        let check = |prices: PublishedPrices, model: &str, expected: Option<u64>| {
            assert_eq!(cost(&prices, model, usage), expected, "{prices:?} {model}");
        };
        // Half of it.
        check(all.clone().batch(), "claude-sonnet-5-5", Some(1_500));
        check(all.clone().batch(), "gpt-5.5-cyber", None);
        // Half of it, and twice as much.
        check(all.clone().service_tier("flex"), "gpt-5", Some(1_125));
        check(all.clone().service_tier("priority"), "gpt-5", Some(4_500));
        check(all.clone().service_tier("fastest"), "gpt-5", None);
        // A region of Amazon's costs 10 % more.
        let aws = all.clone().provider("aws");
        check(aws.clone(), "us.anthropic.claude-sonnet-5-5", Some(3_300));
        check(aws, "global.anthropic.claude-sonnet-5-5", Some(3_000));
        check(all.provider("nobody"), "claude-sonnet-5-5", None);
    }

    #[test]
    fn a_model_that_is_not_in_the_list_is_an_error_at_build() {
        let priced = |model: &str| Priced::new(Script::new([]), model, PublishedPrices::new()).map(|_| ());
        assert_eq!(priced("claude-sonnet-5-5"), Ok(()));
        for model in ["claude-fable-5-2", "qwen3-of-mine", ""] {
            let error = priced(model).unwrap_err().to_string();
            assert!(error.starts_with(&format!("the price of model {model:?} is not known")), "{error}");
        }
    }
}
