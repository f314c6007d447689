//! The pieces of work of a turn that are under way, and how long each may take.

use std::{pin::Pin, time::Duration};

use agent_core::{
    Content, Outcome, RunError, StopReason,
    conversation::{Delegation, PendingApproval, Work},
    tool::Done,
};
use restate_sdk::{
    context::{
        CallFuture, ContextClient, ContextTimers, DurableFuture, DurableFuturesUnordered, InvocationHandle,
        ObjectContext, RequestTarget,
    },
    errors::TerminalError,
    serde::Json,
};

use crate::{
    allowance::Allowance,
    answer::Answer,
    names::SESSION,
    stopped::CANCELLED,
    tools::{Piece, TOOLS},
};

/// What was begun, and what is waited for.
pub(crate) struct Pieces<'a, 'ctx> {
    ctx: &'a ObjectContext<'ctx>,
    allowance: &'a Allowance,
    begun: Vec<Begun>,
    under_way: DurableFuturesUnordered<UnderWay<'ctx>>,
    /// Of each that is waited for, which of those that were begun it is about.
    about: Vec<usize>,
    open: usize,
    /// How many of these are calls, which may yet become delegations.
    calls: usize,
}

struct Begun {
    call: String,
    /// The id of the conversation that is delegated by it.
    child: Option<String>,
    time: Option<Time>,
    is_done: bool,
}

/// How long a delegation may take.
struct Time {
    limit: Duration,
    left: Duration,
    invocation: InvocationHandle,
    is_over: bool,
}

/// A piece that has ended.
pub(crate) struct Ended {
    pub(crate) call: String,
    pub(crate) child: Option<String>,
    pub(crate) done: Result<Done, TerminalError>,
}

type UnderWay<'ctx> = Pin<Box<dyn DurableFuture<Output = News> + Send + 'ctx>>;

enum News {
    Done(Result<Json<Answer>, TerminalError>),
    /// Its time is over, unless it waits for a person.
    Late,
    /// Whether it waits for a person; an error says that it can't be asked.
    Waits(Result<bool, TerminalError>),
}

impl<'a, 'ctx> Pieces<'a, 'ctx> {
    pub(crate) fn new(ctx: &'a ObjectContext<'ctx>, allowance: &'a Allowance) -> Self {
        let under_way = DurableFuturesUnordered::new();
        Self { ctx, allowance, begun: Vec::new(), under_way, about: Vec::new(), open: 0, calls: 0 }
    }

    /// Begins a piece, whose result may have so many bytes; a call that may not be made any more is `refused`, by this limit of
    /// its run. An error is that the run was cancelled meanwhile; it is under way all the same.
    pub(crate) async fn begin(
        &mut self,
        work: Work,
        limit: usize,
        refused: Option<u32>,
    ) -> Result<(), TerminalError> {
        let (call, place) = (work.id().to_owned(), self.begun.len());
        let (mut child, mut time, mut begun) = (None, None, Ok(()));
        let under_way: UnderWay<'ctx> = match work {
            Work::Call(call) => {
                let target = RequestTarget::service(TOOLS, "call");
                let called = self.ctx.request(target, Json(Piece { call, limit, refused })).call();
                self.calls += 1;
                Box::pin(called.map(News::Done))
            }
            Work::Delegate(Delegation { conversation, .. }) => {
                let (id, promised) = (conversation.id().to_owned(), conversation.delegation_limits().clone());
                let target = RequestTarget::object(SESSION, id.as_str(), "delegated");
                let (name, handed) = self.allowance.hand_down(self.ctx, self.calls);
                let called = self.ctx.request(target, Json(conversation)).header(name, handed).call();
                child = Some(id);
                if let Some((limit, left)) = promised.timeout.zip(promised.time_left) {
                    let handle = called.invocation_handle().await;
                    begun = handle
                        .map(|invocation| time = Some(Time { limit, left, invocation, is_over: false }));
                }
                Box::pin(called.map(News::Done))
            }
        };
        self.begun.push(Begun { call, child, time, is_done: false });
        self.wait_for(place, under_way);
        self.open += 1;
        self.time(place);
        begun
    }

    /// The next piece that ends; `None` if all have. An error is that the run was cancelled.
    pub(crate) async fn next(&mut self) -> Result<Option<Ended>, TerminalError> {
        while self.open > 0 {
            let Some((place, news)) = self.under_way.next().await? else { return Ok(None) };
            let place = self.about[place];
            match news {
                News::Done(done) => return Ok(Some(self.ended(place, done))),
                _ if self.begun[place].is_done => {}
                News::Late => self.ask_whether_it_waits(place),
                // Time in which it waits for a person does not count.
                News::Waits(Ok(true)) => self.time(place),
                News::Waits(_) => self.stop(place),
            }
        }
        Ok(None)
    }

    fn wait_for(&mut self, place: usize, what: UnderWay<'ctx>) {
        self.about.push(place);
        self.under_way.push(what);
    }

    /// Its time begins.
    fn time(&mut self, place: usize) {
        if let Some(Time { left, .. }) = self.begun[place].time {
            let late = self.ctx.sleep(left).map(|_| News::Late);
            self.wait_for(place, Box::pin(late));
        }
    }

    fn ask_whether_it_waits(&mut self, place: usize) {
        let Some(child) = &self.begun[place].child else { return };
        let target = RequestTarget::object(SESSION, child.as_str(), "waiting");
        let asked = self.ctx.request::<(), Json<Vec<PendingApproval>>>(target, ()).call();
        let waits = asked.map(|calls| News::Waits(calls.map(|Json(calls)| !calls.is_empty())));
        self.wait_for(place, Box::pin(waits));
    }

    fn stop(&mut self, place: usize) {
        if let Some(time) = &mut self.begun[place].time {
            time.is_over = true;
            time.invocation.cancel();
        }
    }

    fn ended(&mut self, place: usize, answer: Result<Json<Answer>, TerminalError>) -> Ended {
        self.open -= 1;
        let begun = &mut self.begun[place];
        begun.is_done = true;
        let (done, back) = match answer {
            Ok(Json(answer)) => {
                let back = answer.back;
                (Ok(answer.done()), back)
            }
            Err(error) => (Err(error), None),
        };
        match begun.child {
            Some(_) => self.allowance.take_back(back),
            None => self.calls -= 1,
        }
        let done = match begun.time.as_ref().filter(|time| time.is_over) {
            Some(Time { limit, .. }) => late(done, *limit),
            None => done,
        };
        Ended { call: begun.call.clone(), child: begun.child.clone(), done }
    }
}

/// What was stopped since it took too long says so, and not that it was cancelled.
fn late(done: Result<Done, TerminalError>, limit: Duration) -> Result<Done, TerminalError> {
    let why = RunError::TimedOut { limit }.to_string();
    match done {
        Err(error) if error.code() == CANCELLED => Ok(Outcome::error(why).into()),
        Ok(Done { outcome: Outcome::Error(Content::Text(text)), usage }) => {
            let cut = format!("({})", StopReason::Cancelled.as_str());
            let text = match text.contains(RunError::WAS_CANCELLED) {
                true => text.replacen(RunError::WAS_CANCELLED, &why, 1),
                // What was shown of its last reply is kept.
                false => text.replacen(&cut, &format!("({why})"), 1),
            };
            Ok(Done { outcome: Outcome::error(text), usage })
        }
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_45_on_the_engine_what_took_too_long_says_so() {
        let check = |done: Result<Outcome, TerminalError>, expected: Outcome| {
            let late = late(done.map(Done::from), Duration::from_secs(5)).unwrap();
            assert_eq!(late.outcome, expected);
        };
        let stopped =
            |why: &str| Outcome::error(format!("clerk stopped: {why}\nIts calls so far:\n- pay {{}} = paid"));
        check(Ok(stopped("it was cancelled")), stopped("timed out after 5s"));
        let cut = |why: &str| Outcome::error(format!("clerk's reply was cut ({why}); it began: One"));
        check(Ok(cut("cancelled")), cut("timed out after 5s"));
        check(Err(TerminalError::new_with_code(409, "cancelled")), Outcome::error("timed out after 5s"));
        // It came to its end first.
        check(Ok(Outcome::output("it was cancelled")), Outcome::output("it was cancelled"));
    }
}
