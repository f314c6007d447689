//! A case of the kit: what the server does, what is asked, and what is expected.

use std::time::Duration;

use agent_core::{Block, LlmError, Message, Request, model::LlmErrorKind, script::Reply};
use serde_json::Value;

use crate::{Fault, fault::Kind};

/// One case of the kit. [`cases`](super::cases) lists all of them.
#[derive(Clone, Debug)]
pub struct Case {
    pub(super) name: &'static str,
    pub(super) purpose: &'static str,
    /// What the model says: in a run by turn, otherwise the first to each request.
    pub(super) replies: Vec<Reply>,
    /// What goes wrong with the first attempt at the first turn.
    pub(super) fault: Option<Fault>,
    /// The most tokens that the server takes in a request.
    pub(super) context: Option<usize>,
    pub(super) needs: Needs,
    pub(super) expected: Expected,
}

/// What a case can't do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Needs {
    /// A backend that gives the replies of a script.
    Replies,
    /// A backend that asks the mock server.
    Server,
    /// A backend that asks it for streams.
    Stream,
    /// A backend that asks it for replies in one piece.
    OnePiece,
}

impl Needs {
    /// Why the case says nothing about a backend that asks in the other way. `streams` says whether
    /// it asks for streams.
    pub(super) fn other_way(self, streams: Option<bool>) -> Option<&'static str> {
        match (self, streams) {
            (Self::Stream, Some(false)) => Some("the backend asks for replies in one piece"),
            (Self::OnePiece, Some(true)) => Some("the backend asks for streams"),
            _ => None,
        }
    }
}

/// What is asked, and what is expected.
#[derive(Clone, Debug)]
pub(super) enum Expected {
    /// One request, which gets the first reply. The request that the server receives contains these
    /// words.
    Reply { request: Request, sent: Vec<&'static str> },
    /// One request, which fails like this, or gets the reply after more attempts.
    Failure { request: Request, failure: Failure },
    /// A run of an agent with the [tools](super::tools) of the kit, which makes these calls and
    /// ends like this. A run whose request failed is continued if the error allows that. Afterwards
    /// the user speaks again and gets one more answer.
    Run { calls: Vec<(&'static str, Value)>, end: &'static str },
    /// The text up to this word is there while the server is silent.
    Shown { until: &'static str },
    /// A request whose stream is dropped is given up, and the next one gets the reply.
    GivenUp,
    /// A stream that is not read asks nothing.
    NotAsked,
    /// As many requests in parallel, each of which gets its own reply.
    Parallel(usize),
}

/// The error that a case expects.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// It has one of these kinds.
    pub(super) kinds: Vec<LlmErrorKind>,
    pub(super) is_retryable: bool,
    pub(super) status: Option<u16>,
    pub(super) retry_after: Option<Duration>,
}

impl Case {
    /// The name, which is how the report and [`Conformance::skip`](super::Conformance::skip) call
    /// the case.
    pub fn name(&self) -> &str {
        self.name
    }

    /// What the case is for: what a backend must do.
    pub fn purpose(&self) -> &str {
        self.purpose
    }

    fn new(name: &'static str, purpose: &'static str, replies: Vec<Reply>, expected: Expected) -> Self {
        Self { name, purpose, replies, fault: None, context: None, needs: Needs::Replies, expected }
    }

    /// A case of one request, which gets this reply.
    pub(super) fn reply(name: &'static str, purpose: &'static str, reply: Reply) -> Self {
        Self::answered(name, purpose, question(), reply)
    }

    /// A case of this request, which gets this reply.
    pub(super) fn answered(
        name: &'static str,
        purpose: &'static str,
        request: Request,
        reply: Reply,
    ) -> Self {
        Self::new(name, purpose, vec![reply], Expected::Reply { request, sent: Vec::new() })
    }

    /// A case of one request, whose first attempt fails like this.
    pub(super) fn failure(name: &'static str, purpose: &'static str, fault: Fault, failure: Failure) -> Self {
        let expected = Expected::Failure { request: question(), failure };
        Self::new(name, purpose, vec![Reply::text("It is sunny until midnight or later.")], expected)
            .with(fault)
    }

    /// A case of a run, in which the model says this.
    pub(super) fn run(
        name: &'static str,
        purpose: &'static str,
        replies: impl IntoIterator<Item = Reply>,
        calls: impl IntoIterator<Item = (&'static str, Value)>,
        end: &'static str,
    ) -> Self {
        let expected = Expected::Run { calls: calls.into_iter().collect(), end };
        let replies = replies.into_iter().chain([Reply::text(STILL_HERE)]);
        Self::new(name, purpose, replies.collect(), expected)
    }

    /// A case that expects something else, with a server.
    pub(super) fn other(name: &'static str, purpose: &'static str, reply: Reply, expected: Expected) -> Self {
        Self::new(name, purpose, vec![reply], expected).needs(Needs::Server)
    }

    /// Sets what goes wrong with the first attempt. Some of that only a stream can do.
    pub(super) fn with(mut self, fault: Fault) -> Self {
        let needs = match &fault.0 {
            Kind::Event { .. } | Kind::ErrorEvent { .. } | Kind::Pings { .. } => Needs::Stream,
            Kind::Answer(_) if self.scripted_error().is_some() => Needs::Replies,
            _ => Needs::Server,
        };
        self.fault = Some(fault);
        self.needs(needs)
    }

    pub(super) fn needs(mut self, needs: Needs) -> Self {
        self.needs = self.needs.max(needs);
        self
    }

    /// Sets the words that the server must receive.
    pub(super) fn sends(mut self, words: impl IntoIterator<Item = &'static str>) -> Self {
        if let Expected::Reply { sent, .. } = &mut self.expected {
            sent.extend(words);
        }
        self.needs(Needs::Server)
    }

    /// Sets the most tokens that a request may have.
    pub(super) fn context(mut self, tokens: usize) -> Self {
        self.context = Some(tokens);
        self.needs(Needs::Server)
    }

    /// The error of the first attempt, for a backend without a server. `None` if the case has none
    /// or if it does not follow from the status.
    pub(super) fn scripted_error(&self) -> Option<LlmError> {
        let Expected::Failure { failure: Failure { kinds, status: Some(status), retry_after, .. }, .. } =
            &self.expected
        else {
            return None;
        };
        let mut error = LlmError::new(kinds[0], "the case says so");
        (error.status, error.retry_after) = (Some(*status), *retry_after);
        Some(error)
    }
}

impl Failure {
    /// An error that the same request may get over.
    pub(super) fn that_passes(kinds: impl Into<Vec<LlmErrorKind>>) -> Self {
        Self { kinds: kinds.into(), is_retryable: true, status: None, retry_after: None }
    }

    /// An error that the same request gets again.
    pub(super) fn for_good(kinds: impl Into<Vec<LlmErrorKind>>) -> Self {
        Self { is_retryable: false, ..Self::that_passes(kinds) }
    }

    pub(super) fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    pub(super) fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

/// What the model says when the user speaks again after a run.
pub(super) const STILL_HERE: &str = "Still here.";

/// What stands before the number of a request in [`Expected::Parallel`].
pub(super) const NUMBER: &str = "number ";

/// A request with a system prompt and tools.
pub(super) fn question() -> Request {
    asking(vec![Message::user("How is the weather?")])
}

/// A request of these messages.
pub(super) fn asking(messages: Vec<Message>) -> Request {
    let mut request = Request::new(messages);
    request.system = vec![Block::text("You know the weather.")];
    request.tools = super::tools::specs().into();
    request
}
