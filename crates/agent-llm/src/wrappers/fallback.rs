//! A request that one model does not answer goes to the next.

mod circuit;
#[cfg(test)]
mod tests;

use std::{collections::HashSet, future::ready, iter, sync::Arc, time::Duration};

use agent_core::{
    BoxStream, Delta, Json, Llm, LlmError, Request, Usage,
    budget::Usd,
    model::{DeltaValidator, LlmErrorKind, Notice},
};
use circuit::{Circuit, Limits};
use futures::{StreamExt, stream};

use super::{
    asking::{Again, Asking},
    models::{Models, ModelsError},
};

/// A list of models that are asked in order: if one fails, the same request goes to the next.
///
/// - **When:** only before any content of the reply has come: no block, no text, no end. A later
///   error is passed on, because the user has read the beginning of the reply. If the failed model
///   had sent only a [`Delta::Start`], the next model's reply begins with a [`Delta::Restarted`],
///   so that the tokens of both count.
/// - **Which errors:** the kinds in [`Fallback::DEFAULT_KINDS`], or those set by [`on`](Self::on).
///   All other errors are passed on, such as an invalid request, which the next model would refuse,
///   too.
/// - **Which model answered:** [`Response::model`](agent_core::Response) has the name that the
///   server gives. A [`Notice::Retry`] says which model failed, why, and which is asked instead.
///   Its `attempt` is the place of the failed model in the list, from 1.
/// - **Models that rest:** a model that fails three times in a row is not asked for 60 seconds, or
///   for as long as its server asks to wait. Then one request tries that model again. If all models
///   rest, the first is asked anyway. [`circuit`](Self::circuit) changes the numbers. Clones share
///   which models rest.
/// - **If all fail,** the error is the last model's. Its message contains the errors of all models.
///
/// A field `model` in [`Request::extra`](agent_core::model::RequestParts::extra) overrides a
/// backend's own model. It is sent to the first model only, because the servers of the other models
/// may not have that model.
///
/// Put retries around each model, not around the `Fallback`. Then the next model is asked after the
/// retries of the one before. `Claude` and `OpenAi` already retry; give them few retries.
///
/// ```
/// use std::sync::Arc;
///
/// use agent_core::script::{Reply, Script};
/// use agent_llm::{Fallback, Llm, LlmError, LlmErrorKind, Message, Request, fold};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let busy = LlmError::new(LlmErrorKind::Overloaded, "busy");
/// let first: Arc<dyn Llm> = Arc::new(Script::new([Reply::error(busy)]));
/// let second: Arc<dyn Llm> = Arc::new(Script::new([Reply::text("Hello!")]));
/// let model = Fallback::new([("claude-sonnet-5-5", first), ("claude-haiku-5-5", second)])?;
/// let reply = fold(model.stream(Request::new(vec![Message::user("Hi.")])), |_| {}).await?;
/// assert_eq!(reply.content[0].as_text(), Some("Hello!"));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fallback {
    models: Models,
    /// One for each model.
    circuits: Arc<[Circuit]>,
    kinds: HashSet<LlmErrorKind>,
    limits: Limits,
}

impl Fallback {
    /// The kinds of errors after which the next model is asked, unless [`on`](Self::on) sets
    /// others: errors after which a retry makes sense, errors of the account, and a model that does
    /// not exist.
    ///
    /// A wrong API key is not among them, because a fallback would hide the problem from the person
    /// who can correct it. A prompt that is too long is not, either: add
    /// [`PromptTooLong`](LlmErrorKind::PromptTooLong) if the next model accepts longer prompts.
    pub const DEFAULT_KINDS: [LlmErrorKind; 10] = [
        LlmErrorKind::RateLimit,
        LlmErrorKind::Overloaded,
        LlmErrorKind::Server,
        LlmErrorKind::Timeout,
        LlmErrorKind::Connection,
        LlmErrorKind::Incomplete,
        LlmErrorKind::Malformed,
        LlmErrorKind::Billing,
        LlmErrorKind::Permission,
        LlmErrorKind::NotFound,
    ];

    /// Makes a fallback over these models with their names, in the order in which they are asked.
    /// The names are for notices and errors, and are not sent.
    ///
    /// Fails if there is no model, or if two models have the same name.
    pub fn new<N: Into<String>>(
        models: impl IntoIterator<Item = (N, Arc<dyn Llm>)>,
    ) -> Result<Self, ModelsError> {
        let models = Models::new(models)?;
        let circuits = iter::repeat_with(Circuit::default).take(models.len()).collect();
        Ok(Self { models, circuits, kinds: Self::DEFAULT_KINDS.into(), limits: Limits::default() })
    }

    /// Sets the kinds of errors after which the next model is asked, in place of
    /// [`DEFAULT_KINDS`](Self::DEFAULT_KINDS).
    #[must_use]
    pub fn on(mut self, kinds: impl IntoIterator<Item = LlmErrorKind>) -> Self {
        self.kinds = kinds.into_iter().collect();
        self
    }

    /// Sets after how many failures in a row a model rests, and for how long. The default is 3
    /// failures and 60 seconds. With 0 failures no model rests.
    #[must_use]
    pub fn circuit(mut self, failures: u32, rest: Duration) -> Self {
        self.limits = Limits { failures, rest };
        self
    }

    /// The first model from this place on that may be asked.
    fn next(&self, from: usize) -> Option<usize> {
        (from..self.models.len()).find(|place| self.circuits[*place].lets_through(self.limits))
    }

    /// Says that these models rest; nothing if there are none.
    fn resting(&self, places: impl Iterator<Item = usize>) -> Option<String> {
        let names: Vec<&str> = places.map(|place| self.models.name(place)).collect();
        let verb = if names.len() == 1 { "rests" } else { "rest" };
        (!names.is_empty()).then(|| format!("{} {verb} after failures in a row", names.join(", ")))
    }

    fn reply(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let place = self.next(0).unwrap_or(0);
        let skipped = self.resting(0..place).map(|resting| {
            let reason = format!("{resting}; {} is asked", self.models.name(place));
            Delta::Notice(Notice::Retry { attempt: count(place), wait: Duration::ZERO, reason })
        });
        let replies = Chain {
            fallback: self,
            request,
            place,
            failed: Vec::new(),
            outline: DeltaValidator::default(),
            reached: Reached::Nothing,
            withdrawn: None,
        };
        stream::iter(skipped.map(Ok)).chain(replies.stream()).boxed()
    }
}

impl Llm for Fallback {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        // Which model is asked is decided when the request is made, and not before.
        stream::once(ready(())).flat_map(move |()| self.reply(request.clone())).boxed()
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        self.models.all_support(schema)
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        self.models.max_cost(usage)
    }
}

struct Chain<'a> {
    fallback: &'a Fallback,
    request: Request,
    /// The model that is asked.
    place: usize,
    /// The places and errors of the models that failed.
    failed: Vec<(usize, String)>,
    outline: DeltaValidator,
    reached: Reached,
    /// Why a reply that had only begun must be withdrawn, once there is another.
    withdrawn: Option<String>,
}

/// How far a reply has come.
#[derive(PartialEq)]
enum Reached {
    Nothing,
    Start,
    Content,
}

impl<'a> Asking<'a> for Chain<'a> {
    fn ask(&mut self) -> BoxStream<'a, Result<Delta, LlmError>> {
        (self.outline, self.reached) = (DeltaValidator::default(), Reached::Nothing);
        if self.place > 0 && self.request.extra.contains_key("model") {
            self.request.extra.remove("model");
        }
        self.fallback.models.llm(self.place).stream(self.request.clone())
    }

    fn see(&mut self, delta: &Delta) -> Result<Option<Delta>, LlmError> {
        self.outline.push(delta)?;
        match delta {
            Delta::Notice(_) => return Ok(None),
            // It withdraws what the model before had begun, too.
            Delta::Restarted { .. } => {
                self.withdrawn = None;
                return Ok(None);
            }
            Delta::Start { .. } if self.reached == Reached::Nothing => self.reached = Reached::Start,
            Delta::Start { .. } => {}
            Delta::Stop { .. } | Delta::Complete(_) => {
                self.reached = Reached::Content;
                self.fallback.circuits[self.place].succeed();
            }
            _ => self.reached = Reached::Content,
        }
        Ok(self.withdrawn.take().map(|reason| Delta::Restarted { reason }))
    }

    fn end(&mut self) -> Result<(), LlmError> {
        self.outline.finish()
    }

    fn again(&mut self, error: LlmError) -> Result<Again, LlmError> {
        let Fallback { models, circuits, kinds, limits } = self.fallback;
        let counts = kinds.contains(&error.kind);
        if counts {
            circuits[self.place].fail(*limits, error.retry_after());
        }
        if self.reached == Reached::Content {
            return Err(error);
        }
        let failed = self.place;
        self.failed.push((failed, error.to_string()));
        let next = if counts { self.fallback.next(failed + 1) } else { None };
        let Some(next) = next else { return Err(self.give_up(error, counts)) };
        if self.reached == Reached::Start {
            self.withdrawn = Some(error.to_string());
        }
        self.place = next;
        let resting = self.fallback.resting(failed + 1..next).map(|resting| format!("; {resting}"));
        let (from, to, resting) = (models.name(failed), models.name(next), resting.unwrap_or_default());
        let reason = format!("{from} failed: {error}{resting}; {to} is asked instead");
        Ok(Again { attempt: count(failed + 1), wait: Duration::ZERO, reason })
    }
}

impl Chain<'_> {
    /// The last error, which says what the others were. The error of a first model stays as it is
    /// if no other was to be asked.
    fn give_up(&self, mut error: LlmError, counts: bool) -> LlmError {
        let Fallback { models, .. } = self.fallback;
        let tried = |place: &usize| self.failed.iter().any(|(failed, _)| failed == place);
        let resting = match counts {
            true => self.fallback.resting((0..models.len()).filter(|place| !tried(place))),
            false => None,
        };
        if self.failed.len() == 1 && resting.is_none() {
            return error;
        }
        let each: Vec<String> = self
            .failed
            .iter()
            .map(|(place, error)| format!("{}: {}", models.name(*place), cut(error)))
            .collect();
        let many =
            if each.len() == 1 { "1 model was".to_owned() } else { format!("{} models were", each.len()) };
        let each: Vec<String> = each.into_iter().chain(resting).collect();
        let said = error.message.trim_end_matches('.');
        error.message = format!("{said}; {many} tried: {}", each.join("; "));
        error
    }
}

/// The beginning of a long error.
fn cut(error: &str) -> String {
    const LONGEST: usize = 200;
    match error.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &error[..end]),
        None => error.to_owned(),
    }
}

fn count(models: usize) -> u32 {
    u32::try_from(models).unwrap_or(u32::MAX)
}
