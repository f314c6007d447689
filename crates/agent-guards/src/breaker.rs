//! Ends the loop of a model that repeats a call which fails.

mod failures;

use std::sync::Arc;

use agent_core::{
    Block, BoxStream, Delta, Json, Llm, LlmError, Request, Response, StopReason, Team, Usage,
    budget::Usd,
    message::safe_line,
    model::{Notice, non_streaming},
};
use futures::{StreamExt, stream};

use failures::{Failures, Repeated};

/// Ends the loop of a model that makes the same failing call again and again: the same tool, the
/// same input, the same error.
///
/// After the third failure the model reads, below the error, that it must not make the call again.
/// If it makes the call once more, and gets the same error, the run ends with
/// [`End::Other`](agent_core::End::Other), which names the call. The text of that end is also the
/// model's last reply, so the model reads it if the conversation goes on.
///
/// Failures count until the user speaks again, or until another call succeeds with a result that
/// was not there before, because then the work goes on. Equal calls of one reply count once. Two
/// inputs are equal if they are the same JSON value. A call that goes on [in the
/// background](agent_core::ToolSpec::detach_after) counts as soon as the model is told its result.
///
/// It keeps nothing: each request has the history, and the history decides. So it also works after
/// a crash and on another machine. In a delegated conversation the loop ends, too, and the agent
/// that delegated reads why.
///
/// ```
/// # use agent_core::{Agent, Conversation, End, Team, script::{Reply, Script}};
/// # use agent_tools::FnTool;
/// use agent_guards::Breaker;
///
/// # #[derive(serde::Deserialize, schemars::JsonSchema)]
/// # struct Page { url: String }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let model = Script::by(|_| Reply::call("fetch", serde_json::json!({"url": "x"})));
/// # let fetch = FnTool::new("fetch", "Reads a page.", |page: Page| Err::<(), _>(format!("no page {}", page.url)));
/// # let team = Team::new([Agent::builder("reader", model).tool(fetch).build()?])?;
/// let team = Breaker::new().around(team);
/// let end = team.run(&mut Conversation::start("reader", "Read x.")).await?;
/// let why = r#""fetch" was called 4 times with the same input and failed with the same error: no page x"#;
/// assert_eq!(end, End::Other(why.to_owned()));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "it does nothing until it is around a team or a model"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    failures: usize,
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new()
    }
}

impl Breaker {
    /// Warns the model after 3 failures.
    pub fn new() -> Self {
        Self::after(3)
    }

    /// Warns the model after this many failures, at least 1. One more ends the run.
    pub fn after(failures: usize) -> Self {
        Self { failures: failures.max(1) }
    }

    /// Puts it around all models of a team.
    pub fn around(self, team: Team) -> Team {
        team.wrap_models(|llm| self.model(llm))
    }

    /// Puts it around one model, to build an agent with it.
    pub fn model(self, llm: impl Llm + 'static) -> Arc<dyn Llm> {
        Arc::new(BrokenModel { llm: Arc::new(llm), most: self.failures })
    }
}

/// A wrapper around a model that is not asked again when it is in a loop.
struct BrokenModel {
    llm: Arc<dyn Llm>,
    most: usize,
}

impl Llm for BrokenModel {
    fn stream(&self, mut request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let warned = match Failures::warn(&mut request, self.most) {
            Ok(warned) => warned,
            // An agent that was not asked yet has repeated nothing: the calls are another agent's.
            Err(_) if request.turns == 0 => Vec::new(),
            Err(repeated) => return stopped(&repeated),
        };
        let notices =
            warned.into_iter().map(|tool| Ok(notice(format!("told the model not to repeat {tool:?}"))));
        stream::iter(notices.collect::<Vec<_>>()).chain(self.llm.stream(request)).boxed()
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        self.llm.supports_answer_schema(schema)
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        self.llm.max_cost(usage)
    }
}

fn notice(did: String) -> Delta {
    Delta::Notice(Notice::Guard { guard: "breaker".to_owned(), did })
}

/// The reply that ends the run.
fn stopped<'a>(repeated: &Repeated) -> BoxStream<'a, Result<Delta, LlmError>> {
    const LONGEST: usize = 300;
    let Repeated { tool, times, error } = repeated;
    let error: String = safe_line(error).chars().take(LONGEST).collect();
    let why = format!(
        "{tool:?} was called {times} times with the same input and failed with the same error: {error}"
    );
    let reply = Response::new(vec![Block::text(&why)], StopReason::Other(why));
    let notice = stream::iter([Ok(notice("ended the run".to_owned()))]);
    notice.chain(non_streaming(async { Ok(reply) })).boxed()
}
