//! The wrapper that replaces earlier messages by a summary.

use std::{fmt, future::Future, sync::Arc};

use agent_core::{
    Block, BoxStream, Delta, Json, Llm, LlmError, Request, Response, StopReason, Usage,
    budget::Usd,
    model::{Counts, Metered, Notice},
};
use futures::{
    FutureExt, StreamExt,
    channel::mpsc::{self, UnboundedSender},
    future::BoxFuture,
    stream::{self, PollNext},
};

use crate::{
    cut::{Cut, find_cut},
    estimate::{estimate, text_tokens, tokens_of},
    memory::{FAILURES, Memories, PAUSE},
    summary::{Failed, PROMPT, summarize, summary_request, summary_text},
};

type Counter = dyn Fn(Request) -> BoxFuture<'static, Result<u64, LlmError>> + Send + Sync;

/// A wrapper around any [`Llm`] that lets a model summarise the earlier messages when a request
/// would be too long. The summary is recorded, and later requests begin with it. Then the agent's
/// model is asked again. Use it with
/// [`Team::wrap_models`](agent_core::Team::wrap_models).
///
/// - **The record keeps everything.** Only what is sent begins with the summary. It is a reply of
///   its own in [`Conversation::messages`](agent_core::Conversation::messages), so each host keeps
///   it. It does not count as a turn of the agent, but its tokens count.
/// - **Where it cuts.** Only between turns, and never between a call and its result. The last turns
///   stay, and so do all instructions ([`Conversation::instruct`](agent_core::Conversation::instruct)).
///   The summary ends with the user's last words as they were. Calls that wait for a person are never
///   touched, because no model is asked before they are decided.
/// - **How it asks.** With the agent's own model, or [another one](Self::summarizer). The request has
///   no tools: calls and results in it are text. If it would be too long itself, long texts in it are
///   cut.
/// - **When it fails.** A summary that fails, is empty, is cut, calls a tool, or is longer than what
///   it would replace changes nothing: the request is sent as it is. A
///   [`Notice::NotCompacted`](agent_core::model::Notice) says why. After three failures in a row in a
///   conversation, ten requests are sent without another try.
/// - **After a handoff.** The first request of the agent that takes over is sent as it is. Its later
///   summaries replace nothing that other agents read from before the handoff.
///
/// Wrappers that change the number of messages go inside of this one.
#[derive(Clone)]
pub struct Compact {
    llm: Arc<dyn Llm>,
    summarizer: Option<Arc<dyn Llm>>,
    window: u64,
    share: f64,
    keep: Option<u64>,
    prompt: Arc<str>,
    counter: Option<Arc<Counter>>,
    memories: Arc<Memories>,
}

impl Compact {
    /// Wraps a model with a window of so many tokens. By default, a request is too long above 80 %
    /// of the window, and the last turns stay that fit into a tenth of it.
    pub fn new(llm: impl Llm + 'static, window: u64) -> Self {
        Self {
            llm: Arc::new(llm),
            summarizer: None,
            window,
            share: 0.8,
            keep: None,
            prompt: PROMPT.into(),
            counter: None,
            memories: Arc::default(),
        }
    }

    /// Sets above which share of the window a request is too long. The default is 0.8. The rest must
    /// have room for the reply. A share outside of 0.01 to 1 counts as the nearest of these.
    pub fn at(mut self, share: f64) -> Self {
        self.share = if share.is_nan() { self.share } else { share.clamp(0.01, 1.0) };
        self
    }

    /// Sets how many tokens of the last turns stay as they are, estimated. The last turn always
    /// stays. The default is a tenth of the window.
    pub fn keep_last(mut self, tokens: u64) -> Self {
        self.keep = Some(tokens);
        self
    }

    /// Sets what the model is asked for. The default asks for all that is needed to go on.
    pub fn prompt(mut self, prompt: impl Into<Arc<str>>) -> Self {
        self.prompt = prompt.into();
        self
    }

    /// Sets another model that writes the summaries. Its window must not be smaller. The default is
    /// the agent's own model.
    pub fn summarizer(mut self, llm: impl Llm + 'static) -> Self {
        self.summarizer = Some(Arc::new(Metered::new(llm)));
        self
    }

    /// Sets how tokens are counted, for example by `Claude::count_tokens` of agent-llm. It is asked
    /// only for requests that have at least half as many tokens as are too many, estimated. If it
    /// fails, the estimate counts. By default tokens are [estimated](crate::estimate), corrected by
    /// the usage of the last reply.
    pub fn count_with<F>(mut self, count: impl Fn(Request) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<u64, LlmError>> + Send + 'static,
    {
        self.counter = Some(Arc::new(move |request| count(request).boxed()));
        self
    }

    /// The most tokens that a request may have.
    fn limit(&self) -> u64 {
        (self.window as f64 * self.share) as u64
    }

    /// Sends a request as it is, and learns from the usage of the reply.
    fn pass(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let (estimated, mut usage) = (estimate(&request), Usage::default());
        let asked = request.clone();
        let learn = move |delta: &Result<Delta, LlmError>| match delta {
            Ok(Delta::Start { usage: counts, .. }) => usage.update(counts),
            Ok(Delta::Restarted { .. }) => usage = Usage::default(),
            Ok(Delta::Stop { usage: counts, .. }) => {
                usage.update(counts);
                self.memories.learn(&asked, estimated, &usage);
            }
            Ok(Delta::Complete(reply)) => self.memories.learn(&asked, estimated, &reply.usage),
            _ => {}
        };
        self.llm.stream(request).inspect(learn).boxed()
    }

    /// The tokens of a request. The second value says why they could not be counted.
    async fn count(&self, request: &Request) -> (u64, Option<Notice>) {
        let estimated = self.memories.corrected(request, estimate(request));
        match &self.counter {
            Some(count) if estimated >= self.limit() / 2 => match count(request.clone()).await {
                Ok(tokens) => (tokens, None),
                Err(error) => (estimated, Some(Notice::Estimated { reason: error.to_string() })),
            },
            _ => (estimated, None),
        }
    }

    /// What is sent: the request, or a summary. Notices of the request for the summary go to
    /// `notices` as they come.
    async fn decide(
        &self,
        request: Request,
        notices: UnboundedSender<Notice>,
    ) -> BoxStream<'_, Result<Delta, LlmError>> {
        let (tokens, uncounted) = self.count(&request).await;
        let mut first: Vec<Delta> = uncounted.map(Delta::Notice).into_iter().collect();
        if tokens <= self.limit() {
            return before(first, self.pass(request));
        }
        if !self.memories.may_try(&request) {
            return self.pass(request);
        }
        let keep = self.memories.uncorrected(&request, self.kept_tokens());
        let cut = match find_cut(&request, keep) {
            Ok(cut) => cut,
            Err(why) => {
                first.push(not_compacted(format!("{tokens} tokens are too many, but {why}")));
                return before(first, self.pass(request));
            }
        };
        match self.summary(&request, cut, tokens, notices).await {
            Ok(deltas) => {
                self.memories.succeed(&request);
                before([first, deltas].concat(), stream::empty().boxed())
            }
            Err(failed) => {
                first.extend(self.failure(&request, failed));
                before(first, self.pass(request))
            }
        }
    }

    fn kept_tokens(&self) -> u64 {
        self.keep.unwrap_or(self.window / 10)
    }

    /// Asks for a summary. Returns the reply that has it, and a notice.
    async fn summary(
        &self,
        request: &Request,
        cut: Cut,
        tokens: u64,
        notices: UnboundedSender<Notice>,
    ) -> Result<Vec<Delta>, Failed> {
        let replaced = &request.messages[..cut.messages];
        let limit = self.memories.uncorrected(request, self.limit());
        let asked = summary_request(request, cut.messages, &self.prompt, limit);
        let hand_on = |delta: &Delta| {
            if let Delta::Notice(notice) = delta {
                // Nobody listens if the run is dropped.
                let _ = notices.unbounded_send(notice.clone());
            }
        };
        let llm = self.summarizer.as_ref().unwrap_or(&self.llm);
        let reply = summarize(llm, asked, hand_on).await?;
        let text = summary_text(&reply, replaced);
        let (summary_tokens, was) = (text_tokens(text.len()), tokens_of(replaced));
        if summary_tokens >= was {
            let why = format!("the summary has {summary_tokens} tokens, but the messages have only {was}");
            return Err(Failed { why, usage: reply.usage.of_broken_off() });
        }
        let block = Block::history_summary(text, cut.before);
        let mut compacted = Response::new(vec![block], StopReason::Compaction).with_usage(reply.usage);
        compacted.model = reply.model;
        let notice = Notice::Compacted { messages: cut.messages, tokens, summary_tokens };
        Ok(vec![Delta::Notice(notice), Delta::complete(compacted)])
    }

    /// The pieces that say that there is no summary, and what was used for it.
    fn failure(&self, request: &Request, Failed { why, usage }: Failed) -> Vec<Delta> {
        let pause = match self.memories.fail(request) {
            true => format!(
                ". This was failure {FAILURES} in a row: the next {PAUSE} requests are sent without a try"
            ),
            false => String::new(),
        };
        let reason = format!("there is no summary: {why}");
        let mut deltas = vec![not_compacted(format!("{reason}{pause}"))];
        if usage != Usage::default() {
            // So its tokens count, as those of an attempt that gave no reply.
            let usage = Box::new(Counts::from(usage));
            deltas.push(Delta::Start { id: None, model: None, usage, extra: [].into() });
            deltas.push(Delta::Restarted { reason });
        }
        deltas
    }
}

fn not_compacted(reason: String) -> Delta {
    Delta::Notice(Notice::NotCompacted { reason })
}

fn before<'a>(
    first: Vec<Delta>,
    rest: BoxStream<'a, Result<Delta, LlmError>>,
) -> BoxStream<'a, Result<Delta, LlmError>> {
    stream::iter(first.into_iter().map(Ok)).chain(rest).boxed()
}

impl Llm for Compact {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let is_short = || self.memories.corrected(&request, estimate(&request)) <= self.limit();
        if self.counter.is_none() && is_short() {
            return self.pass(request);
        }
        let (notices, heard) = mpsc::unbounded();
        let heard = heard.map(|notice| Ok(Delta::Notice(notice)));
        let reply = stream::once(self.decide(request, notices)).flatten();
        stream::select_with_strategy(heard, reply, |(): &mut ()| PollNext::Left).boxed()
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        self.llm.supports_answer_schema(schema)
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        self.llm.max_cost(usage)
    }
}

impl fmt::Debug for Compact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compact")
            .field("window", &self.window)
            .field("share", &self.share)
            .field("keep", &self.kept_tokens())
            .finish_non_exhaustive()
    }
}
