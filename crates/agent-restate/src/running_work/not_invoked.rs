//! Calls without an invocation of their own: equal calls of a turn that share one execution, because
//! their tool says that they may, and calls that were made while their reply streamed.

use agent_core::{
    agent::Rules,
    conversation::{Call, Work},
    tool::Done,
};
use restate_sdk::errors::TerminalError;

use super::{FinishedWork, Next, RunningWork, Scope, StartedWork};

impl RunningWork<'_> {
    /// A turn begins. Its calls share nothing with those of earlier turns, because a later read may
    /// give another result.
    pub(crate) fn begin_turn(&mut self) {
        self.turn = self.started.len();
    }

    /// Takes out the calls that can share the execution of an equal one: of one that has begun in
    /// this turn, or of one before it in this work.
    pub(crate) fn take_sharers(&self, scope: Scope<'_, '_>, work: Vec<Work>) -> (Vec<Work>, Vec<Call>) {
        let (mut rest, mut sharers): (Vec<Work>, Vec<Call>) = (Vec::new(), Vec::new());
        for work in work {
            let is_there = |call: &Call| {
                let mut others = rest.iter().filter_map(as_call).filter(|other| scope.shares(other));
                self.place_of_equal(call).is_some() || others.any(|other| equal(other, call))
            };
            match work {
                Work::Call(call) if scope.shares(&call) && is_there(&call) => sharers.push(call),
                work => rest.push(work),
            }
        }
        (rest, sharers)
    }

    /// Lets a call share the execution of an equal one, which has begun in this turn.
    pub(crate) fn join(&mut self, call: Call) {
        let place = self.place_of_equal(&call).expect("only calls for which there is one are taken out");
        self.open += 1;
        self.calls += 1;
        match self.started[place].result.clone() {
            Some(done) => self.ended.push_back(FinishedWork::shared(call, Ok(done))),
            None => self.started[place].sharers.push(call),
        }
    }

    /// Adds a call that was made while its reply streamed, and that was told of.
    pub(crate) fn add_made(&mut self, scope: Scope<'_, '_>, call: Call, done: Done) {
        let shares = scope.shares(&call);
        let result = shares.then(|| Done::from(done.outcome.clone()));
        let started = StartedWork { shares, result, is_done: true, ..StartedWork::new(call.clone()) };
        self.started.push(started);
        self.open += 1;
        self.calls += 1;
        self.ended.push_back(FinishedWork { call, child: None, done: Ok(done), is_told: true });
    }

    /// Work has ended. The calls that share it have ended, too.
    pub(super) fn share(&mut self, place: usize, done: &Result<Done, TerminalError>) {
        let StartedWork { shares: true, sharers, result, .. } = &mut self.started[place] else { return };
        // What it has used is counted once.
        let copy = || match done {
            Ok(done) => Ok(Done::from(done.outcome.clone())),
            Err(error) => Err(TerminalError::new_with_code(error.code(), error.message())),
        };
        *result = copy().ok();
        let sharers = std::mem::take(sharers).into_iter();
        self.ended.extend(sharers.map(|call| FinishedWork::shared(call, copy())));
    }

    pub(super) fn next_ended(&mut self) -> Option<Next> {
        let next = self.ended.pop_front()?;
        self.open -= 1;
        self.calls -= 1;
        Some(Next::Finished(next))
    }

    /// The place of a call of this turn that equals this one, and whose result it can get.
    fn place_of_equal(&self, call: &Call) -> Option<usize> {
        let has_result = |started: &StartedWork| !started.is_done || started.result.is_some();
        let is_equal = |started: &StartedWork| started.shares && equal(&started.call, call);
        let mut own = self.started.iter().enumerate().skip(self.turn);
        own.find(|(_, started)| is_equal(started) && has_result(started)).map(|(place, _)| place)
    }
}

impl FinishedWork {
    fn shared(call: Call, done: Result<Done, TerminalError>) -> Self {
        Self { call, child: None, done, is_told: false }
    }
}

impl Scope<'_, '_> {
    /// Whether equal calls share the execution of this one.
    pub(super) fn shares(&self, call: &Call) -> bool {
        let most = self.rules.limits().calls_in_reply;
        let spec = self.rules.spec(&call.agent, &call.call.name);
        !call.approved
            && most.is_none_or(|most| call.place < most as usize)
            && spec.is_some_and(|spec| spec.may_share())
    }
}

fn equal(one: &Call, other: &Call) -> bool {
    one.agent == other.agent && one.call.asks_the_same(&other.call)
}

fn as_call(work: &Work) -> Option<&Call> {
    match work {
        Work::Call(call) => Some(call),
        Work::Delegate(_) => None,
    }
}
