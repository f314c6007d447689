//! The tools' turn.

mod decide;

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    fmt,
};

use super::{Control, ControlTask, Conversation, State};
use crate::{Call, Done, Outcome, Rules, Work};

/// The tools' turn: the calls and delegations that may start now ([`work`](Self::work)). A host
/// carries them out and gives each outcome to [`record`](Self::record).
pub struct ToolTurn<'a> {
    conversation: &'a mut Conversation,
    rules: &'a dyn Rules,
    work: Vec<Work>,
    /// Work that waits for calls with the same key, in call order.
    later: HashMap<String, VecDeque<Work>>,
    /// The ids of the steps that have started and not ended, if it is the turn of a plan.
    running: HashSet<String>,
    /// The calls about which a person has decided, whose work was not taken yet.
    decided: BTreeSet<String>,
}

impl<'a> ToolTurn<'a> {
    pub(super) fn new(
        conversation: &'a mut Conversation,
        rules: &'a dyn Rules,
        work: Vec<Work>,
        later: Vec<(String, Work)>,
    ) -> Self {
        let mut by_key: HashMap<String, VecDeque<Work>> = HashMap::new();
        later.into_iter().for_each(|(key, work)| by_key.entry(key).or_default().push_back(work));
        let is_plan = conversation.is_plan();
        let running = work.iter().filter(|_| is_plan).map(|work| work.id().to_owned()).collect();
        Self { conversation, rules, work, later: by_key, running, decided: BTreeSet::new() }
    }

    /// A turn in which only detached calls are recorded that have ended.
    pub(crate) fn without_work(conversation: &'a mut Conversation, rules: &'a dyn Rules) -> Self {
        Self::new(conversation, rules, Vec::new(), Vec::new())
    }

    /// The conversation as it is now.
    pub fn conversation(&self) -> &Conversation {
        self.conversation
    }

    /// The work that may start now, in call order. If nothing else is left to do, it is that of
    /// [detached](crate::ToolSpec::detach_after) calls.
    pub fn work(&self) -> &[Work] {
        &self.work
    }

    /// The calls that wait for other calls of their reply. None if something has happened to a call
    /// of the reply, because then an earlier turn had them too.
    pub(crate) fn queued(&self) -> Vec<Call> {
        let slots = &self.conversation.slots;
        if self.work.len() == slots.len() || slots.iter().any(|slot| slot.state != State::Open) {
            return Vec::new();
        }
        let starts: HashSet<&str> = self.work.iter().map(Work::id).collect();
        let queued = (0..slots.len()).filter(|place| !starts.contains(&*slots[*place].call.id));
        queued.map(|place| slots[place].as_call(place, self.conversation)).collect()
    }

    /// Takes the work that may start now out of the turn, in call order. The caller must carry it
    /// out. After this, [`work`](Self::work) is empty.
    pub fn take_work(&mut self) -> Vec<Work> {
        let mut work = std::mem::take(&mut self.work);
        let decided = std::mem::take(&mut self.decided);
        if !decided.is_empty() {
            work.extend(self.work_after_decisions(decided));
        }
        work
    }

    /// The rules of the conversation.
    pub(crate) fn rules(&self) -> &dyn Rules {
        self.rules
    }

    /// Whether its work is that of detached calls, because nothing else is left to do.
    pub fn is_for_detached(&self) -> bool {
        self.work.first().is_some_and(|work| self.conversation.is_detached(work.id()))
    }

    /// What a call with the outcome [`Outcome::Control`] asks its host to do.
    pub fn control(&self, control: Control, call: &str) -> ControlTask {
        self.conversation.control(control, &self.call_of(call).call)
    }

    /// Whether the turn needs no more of its work, because its [plan](crate::conversation::Plan)
    /// has ended. A host then stops the work that still runs, and starts none. Each call gets an
    /// outcome all the same: an error that says what was done.
    pub fn has_enough(&self) -> bool {
        self.conversation.has_enough()
    }

    /// Checks the outcome of call `id` against the rules, and returns what may be recorded; see
    /// [`Conversation::admit`].
    pub fn admit(&self, id: &str, outcome: Outcome) -> Outcome {
        let conversation = &*self.conversation;
        debug_assert!(conversation.slot_of(id).is_some(), "{id:?} is none of its calls");
        conversation.admit(outcome, self.rules)
    }

    /// Records the outcome of the call `id`. Outcomes may come in any order.
    ///
    /// Returns the work that may now start: the delegation that the call led to, the next call with
    /// the same [key](crate::tool::ExclusiveBy), or the steps of a
    /// [plan](crate::conversation::Plan) that waited for this one. Mostly there is none. When the
    /// last call has its result, the user message with all results is appended to the conversation.
    ///
    /// # Panics
    /// If the call is not in this turn, or already has its result. Both are bugs of the host.
    pub fn record(&mut self, id: &str, done: Done) -> Vec<Work> {
        let done = Done { outcome: self.admit(id, done.outcome), usage: done.usage };
        self.record_admitted(id, done)
    }

    /// Records an outcome that the rules have already admitted.
    pub(crate) fn record_admitted(&mut self, id: &str, done: Done) -> Vec<Work> {
        if self.conversation.is_detached(id) {
            self.conversation.record_detached(id, done);
            return Vec::new();
        }
        let (place, asks_host) = (self.place(id), matches!(done.outcome, Outcome::Control(_)));
        self.conversation.record(place, done);
        if asks_host {
            // The call has not ended: it gets another outcome when its host has done that.
            return Vec::new();
        }
        if self.conversation.is_plan() {
            return self.next_steps([id]);
        }
        let slot = &self.conversation.slots[place];
        let more = match slot.state {
            State::Delegated(_) => slot.work(place, self.conversation),
            _ if slot.is_settled() => self.next_of_key(place),
            _ => None,
        };
        self.conversation.append_results_if_done();
        more.into_iter().collect()
    }

    /// Detaches a call that was recorded as [`Outcome::Detach`]: the call has a result now, and its
    /// conversation goes on. Returns the work that may now start, as [`record`](Self::record).
    ///
    /// # Panics
    /// If the call is not in this turn, or can't be detached. Both are bugs of the host.
    pub fn detach(&mut self, id: &str) -> Vec<Work> {
        let place = self.place(id);
        assert!(self.conversation.detach(place), "call {id:?} was not recorded as one that can be detached");
        let more = self.next_of_key(place);
        self.conversation.append_results_if_done();
        more.into_iter().collect()
    }

    /// The steps of a plan that may start now that something has happened to these steps.
    fn next_steps(&mut self, steps: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<Work> {
        for step in steps {
            self.running.remove(step.as_ref());
        }
        self.conversation.append_results_if_done();
        let more = self.conversation.survey_plan(&self.running, self.rules).work;
        self.running.extend(more.iter().map(|work| work.id().to_owned()));
        more
    }

    /// The next call that waits for the call at this place.
    fn next_of_key(&mut self, place: usize) -> Option<Work> {
        if self.later.is_empty() {
            return None;
        }
        let call = &self.conversation.slots[place].call;
        let spec = self.rules.spec(&self.conversation.agent, &call.name)?;
        let key = spec.exclusive_by.as_ref()?.key(&call.input)?;
        self.later.get_mut(&key)?.pop_front()
    }

    /// A call of this turn, or a [detached](crate::ToolSpec::detach_after) one, as work.
    ///
    /// # Panics
    /// If there is no such call.
    pub fn call_of(&self, id: &str) -> Call {
        match self.conversation.slot_of(id).filter(|_| self.conversation.is_detached(id)) {
            Some(slot) => slot.as_call(0, self.conversation),
            None => {
                let place = self.place(id);
                self.conversation.slots[place].as_call(place, self.conversation)
            }
        }
    }

    /// The steps that wait for a person, if it is the turn of a plan that may end without them.
    pub(crate) fn waiting_steps(&self) -> Vec<Call> {
        let slots = &self.conversation.slots;
        let all = if self.conversation.may_end_early() { slots.len() } else { 0 };
        let waiting = (0..all).filter(|place| matches!(slots[*place].state, State::Waiting { .. }));
        waiting.map(|place| slots[place].as_call(place, self.conversation)).collect()
    }

    /// Whether this call waits for a person.
    pub(crate) fn is_waiting(&self, id: &str) -> bool {
        let slot = self.conversation.slot_of(id);
        slot.is_some_and(|slot| matches!(slot.state, State::Waiting { .. }))
    }

    /// The place of an open call in its reply.
    pub(crate) fn place(&self, id: &str) -> usize {
        let slots = &self.conversation.slots;
        let place = slots.find(id).filter(|place| !slots[*place].is_done());
        place.unwrap_or_else(|| panic!("call {id:?} is not open in this turn"))
    }

    /// Saves the current state of a delegated conversation, so that a later run can continue it.
    pub fn keep(&mut self, id: &str, conversation: Box<Conversation>) {
        self.conversation.keep_child(id, conversation);
    }
}

impl fmt::Debug for ToolTurn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolTurn").field("work", &self.work).finish_non_exhaustive()
    }
}
