//! Models read placeholders in the place of secrets and personal data.

mod json_strings;
mod numbers;
mod pattern;
mod placeholders;
mod restored;
mod sent;

use std::{fmt, sync::Arc};

use agent_core::{BoxStream, Delta, Json, Llm, LlmError, Request, Team, Usage, budget::Usd, model::Notice};
use futures::{StreamExt, stream};

use pattern::Pattern;
use placeholders::{LONGEST, Patterns, Placeholders};
use restored::Restored;

/// Keeps secrets and personal data from models: a model reads `[EMAIL_1]` in the place of an e-mail
/// address. In its replies and calls, the address is put back. So users read the real values and
/// tools get them, but the model and its provider never do.
///
/// ```
/// # use agent_core::{Agent, Conversation, Team, script::{Reply, Script}};
/// use agent_guards::Redact;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let model = Script::by(|request| Reply::text(format!("You said: {}", request.last_text())));
/// # let team = Team::new([Agent::builder("clerk", model.clone()).build()?])?;
/// let team = Redact::new().pattern("CUSTOMER", r"\bC-[0-9]{6}\b")?.around(team);
/// let mut conversation = Conversation::start("clerk", "I am C-123456, ada@example.org.");
/// let end = team.run(&mut conversation).await?;
/// assert_eq!(model.requests()[0].last_text(), "I am [CUSTOMER_1], [EMAIL_1].");
/// assert_eq!(end.text(), "You said: I am C-123456, ada@example.org.");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// **What is found.** [`Redact::new`] finds both lists:
///
/// - secrets: private keys (PEM), API keys of well-known services, bearer tokens, JSON Web Tokens;
/// - personal data: e-mail addresses, account numbers (IBAN), numbers of payment cards, phone
///   numbers with a country's code or in the form of North America.
///
/// [`ip_addresses`](Self::ip_addresses) and [`pattern`](Self::pattern) add more. Patterns don't find
/// everything: not names, not streets, not a value that is split over two blocks, and not what a
/// picture shows. A model can also repeat a value in another form if a tool gives it that form.
///
/// **Where it is replaced.** In the system prompt and in all messages: texts, documents, inputs and
/// results of calls. Descriptions of tools and [`extra`](agent_core::AgentBuilder::extra) fields
/// are sent as they are. A number in an input that is replaced becomes a text there.
///
/// **The record keeps the values.** Placeholders exist only in what is sent. They follow from the
/// messages of a request, in order, so there is no table to keep: another process gives the same
/// placeholders, and equal beginnings of two requests stay equal, which the API's prompt cache
/// needs. The same value has the same placeholder in a whole request.
///
/// **Thinking** passes unchanged because it is signed, so it shows placeholders. Thinking that
/// itself contains a value, from before there was a `Redact`, is not sent. While there are
/// placeholders, replies have no id of the server: a backend whose server keeps the history sends
/// all of it.
///
/// **Each request is searched as a whole**, which takes about 10 ms for a megabyte of text.
///
/// Put [`Guards`](crate::Guards) around the team after this, then they check the real values:
/// `guards.around(redact.around(team))`. Clones are cheap. `Debug` shows no patterns.
#[must_use = "it does nothing until it is around a team or a model"]
#[derive(Clone)]
pub struct Redact {
    patterns: Vec<Pattern>,
}

/// The error of [`Redact::pattern`] if the pattern can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("values of the kind {kind:?} can't be replaced: {why}")]
pub struct InvalidPattern {
    /// The kind of the pattern.
    pub kind: String,
    /// What is wrong with it.
    pub why: String,
}

impl Default for Redact {
    fn default() -> Self {
        Self::new()
    }
}

impl Redact {
    /// Finds secrets and personal data.
    pub fn new() -> Self {
        Self { patterns: [Pattern::secrets(), Pattern::personal()].concat() }
    }

    /// Finds only secrets: keys and tokens.
    pub fn secrets() -> Self {
        Self { patterns: Pattern::secrets() }
    }

    /// Finds only what you add.
    pub fn nothing() -> Self {
        Self { patterns: Vec::new() }
    }

    /// Also finds addresses of IPv4 and IPv6 (`[IP_1]`). Not by default, because versions can look
    /// like them.
    pub fn ip_addresses(mut self) -> Self {
        self.patterns.extend(Pattern::ip_addresses());
        self
    }

    /// Also finds what this regular expression matches. If the expression has a group, only the
    /// first group is the value: `password: (\S+)`. Such a value is then replaced wherever it
    /// stands later, if it has at least 8 bytes.
    ///
    /// `kind` is the name in placeholders, in capital letters: `CUSTOMER` for `[CUSTOMER_1]`. Fails
    /// if the kind or the expression is not valid.
    pub fn pattern(mut self, kind: &str, regex: &str) -> Result<Self, InvalidPattern> {
        let invalid = |why: String| InvalidPattern { kind: kind.to_owned(), why };
        let is_letter = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
        if kind.is_empty() || kind.len() > LONGEST - 16 || !kind.bytes().all(is_letter) {
            return Err(invalid("use 1 to 48 capital letters (A-Z) and underscores".to_owned()));
        }
        self.patterns.push(Pattern::regex(kind, regex).map_err(|error| invalid(error.to_string()))?);
        Ok(self)
    }

    /// Puts it around all models of a team.
    pub fn around(&self, team: Team) -> Team {
        let patterns = Arc::new(Patterns::new(self.patterns.clone()));
        team.wrap_models(|llm| Arc::new(RedactedModel { llm, patterns: patterns.clone() }))
    }

    /// Puts it around one model, to build an agent with it.
    pub fn model(&self, llm: impl Llm + 'static) -> Arc<dyn Llm> {
        let patterns = Arc::new(Patterns::new(self.patterns.clone()));
        Arc::new(RedactedModel { llm: Arc::new(llm), patterns })
    }
}

impl fmt::Debug for Redact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<&str> = self.patterns.iter().map(|pattern| &*pattern.kind).collect();
        f.debug_struct("Redact").field("kinds", &kinds).finish()
    }
}

/// A wrapper around a model: it reads and writes placeholders.
struct RedactedModel {
    llm: Arc<dyn Llm>,
    patterns: Arc<Patterns>,
}

impl Llm for RedactedModel {
    fn stream(&self, mut request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let mut placeholders = Placeholders::new(self.patterns.clone());
        let new = sent::redact(&mut request, &mut placeholders);
        if placeholders.is_empty() {
            return self.llm.stream(request);
        }
        let notice = (!new.is_empty()).then(|| Ok(notice(&new)));
        let restored = Restored::new(placeholders, request.answer_schema.is_some());
        let reply = self.llm.stream(request).map(Some).chain(stream::iter([None]));
        let pieces = reply.scan(restored, |restored, piece| {
            let pieces: Vec<Result<Delta, LlmError>> = match piece {
                Some(Ok(delta)) => restored.take(delta).into_iter().map(Ok).collect(),
                Some(Err(error)) => vec![Err(error)],
                None => restored.end().into_iter().map(Ok).collect(),
            };
            std::future::ready(Some(stream::iter(pieces)))
        });
        stream::iter(notice).chain(pieces.flatten()).boxed()
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        self.llm.supports_answer_schema(schema)
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        self.llm.max_cost(usage)
    }
}

fn notice(new: &[String]) -> Delta {
    let did = format!("sends {} in the place of values", new.join(", "));
    Delta::Notice(Notice::Guard { guard: "redact".to_owned(), did })
}

#[cfg(test)]
mod tests;
