//! The wrapper around a model that makes its answers fit a type.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use agent_core::{
    BoxStream, Delta, Json, Llm, LlmError, Message, Request, StopReason, Usage, budget::Usd,
    message::without_tool_blocks, model::Notice,
};
use futures::{StreamExt, stream};

use super::{
    answer_tool::AnswerTool,
    check::Check,
    reply::{Answer, Ended, Reply},
};

/// A wrapper around a model. It asks again if an answer does not fit.
pub(super) struct TypedModel {
    llm: Arc<dyn Llm>,
    check: Arc<Check>,
    tries: u32,
    only_for_the_user: bool,
    /// How many tries the last answer took.
    counter: Arc<AtomicU32>,
}

impl TypedModel {
    /// How the end of a run begins whose answer does not fit.
    pub(super) const DOES_NOT_FIT: &'static str = "the answer does not fit its type: ";

    pub(super) fn new(llm: Arc<dyn Llm>, check: Arc<Check>, tries: u32) -> Self {
        Self { llm, check, tries, only_for_the_user: false, counter: Arc::default() }
    }

    /// Leaves delegated conversations alone.
    pub(super) fn only_for_the_user(self) -> Self {
        Self { only_for_the_user: true, ..self }
    }

    pub(super) fn counting(self, counter: &Arc<AtomicU32>) -> Self {
        Self { counter: counter.clone(), ..self }
    }
}

impl Llm for TypedModel {
    fn stream(&self, mut request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        if self.only_for_the_user && request.depth > 0 {
            return self.llm.stream(request);
        }
        let schema = &self.check.schema;
        let tool = match self.llm.supports_answer_schema(schema) {
            true => {
                request.answer_schema = Some(schema.clone());
                None
            }
            false => Some(AnswerTool::add_to(&mut request, schema)),
        };
        let asking = Asking {
            model: self,
            stream: Some(self.llm.stream(request.clone())),
            reply: Reply::new(tool.clone(), true),
            request,
            tool,
            tries: 0,
            pieces: VecDeque::new(),
        };
        stream::unfold(asking, Asking::next).boxed()
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        self.llm.supports_answer_schema(schema)
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        self.llm.max_cost(usage)
    }
}

/// A request, and what has come of it.
struct Asking<'a> {
    model: &'a TypedModel,
    request: Request,
    tool: Option<AnswerTool>,
    /// The answers that did not fit.
    tries: u32,
    /// The reply that comes now; `None` when all is over.
    stream: Option<BoxStream<'a, Result<Delta, LlmError>>>,
    reply: Reply,
    /// What is handed on next.
    pieces: VecDeque<Delta>,
}

impl Asking<'_> {
    async fn next(mut self) -> Option<(Result<Delta, LlmError>, Self)> {
        loop {
            if let Some(delta) = self.pieces.pop_front() {
                return Some((Ok(delta), self));
            }
            match self.stream.as_mut()?.next().await {
                Some(Ok(delta)) => self.pieces.extend(self.reply.push(delta)),
                Some(Err(error)) => {
                    self.stream = None;
                    return Some((Err(error), self));
                }
                None => self.end(),
            }
        }
    }

    fn end(&mut self) {
        self.stream = None;
        let again = Reply::new(self.tool.clone(), false);
        match std::mem::replace(&mut self.reply, again).end() {
            Ended::NoAnswer(end) => self.pieces.extend(end),
            Ended::Answer(answer) => self.judge(answer),
        }
    }

    fn judge(&mut self, Answer { text, said, end }: Answer) {
        self.tries += 1;
        self.model.counter.store(self.tries, Relaxed);
        let Err(why) = text.and_then(|text| self.model.check.answer(&text)) else {
            self.pieces.extend(end);
            return;
        };
        if self.tries < self.model.tries {
            self.pieces.extend(end.into_iter().map(still_open));
            self.ask_again(said, &why);
        } else {
            let tries = if self.tries == 1 { "try" } else { "tries" };
            let why = format!("{}{why} (after {} {tries})", TypedModel::DOES_NOT_FIT, self.tries);
            self.pieces.extend(end.into_iter().map(|delta| stopped(delta, &why)));
        }
    }

    /// Asks for another answer, without tools.
    fn ask_again(&mut self, said: Message, why: &str) {
        let reason = format!("{}{why}", TypedModel::DOES_NOT_FIT);
        let (attempt, wait) = (self.tries, Duration::ZERO);
        self.pieces.push_back(Delta::Notice(Notice::Retry { attempt, wait, reason: reason.clone() }));
        self.pieces.push_back(Delta::Restarted { reason });

        let request = &mut self.request;
        let how = match &self.tool {
            Some(tool) => format!("Call `{}` again, with the whole answer.", tool.name),
            None => "Answer again, with the whole answer as JSON.".to_owned(),
        };
        // A message must not be empty.
        if !said.text().trim().is_empty() {
            request.messages.push(said);
        }
        request
            .messages
            .push(Message::user(format!("Your answer does not fit what was asked for: {why}\n{how}")));
        without_tool_blocks(&mut request.messages);
        match &self.tool {
            Some(tool) => tool.leave_alone(request),
            None => request.tools = [].into(),
        }
        request.server_tools = [].into();
        // It may name a tool that is not there any more.
        request.extra.remove("tool_choice");
        request.previous_reply = None;
        self.stream = Some(self.model.llm.stream(request.clone()));
    }
}

/// The end of a reply that is asked for again. Its usage counts.
fn still_open(delta: Delta) -> Delta {
    match delta {
        Delta::Stop { stop_details, usage, extra, .. } => {
            Delta::Stop { stop_reason: StopReason::open(), stop_details, usage, extra }
        }
        other => other,
    }
}

/// The end of a reply whose answer does not fit.
fn stopped(delta: Delta, why: &str) -> Delta {
    match delta {
        Delta::Stop { stop_details, usage, extra, .. } => {
            Delta::Stop { stop_reason: StopReason::Other(why.to_owned()), stop_details, usage, extra }
        }
        Delta::Complete(mut response) => {
            Arc::make_mut(&mut response).stop_reason = StopReason::Other(why.to_owned());
            Delta::Complete(response)
        }
        other => other,
    }
}
