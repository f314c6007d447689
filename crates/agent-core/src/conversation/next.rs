//! Decides whose turn it is. Nothing else does.

use std::{collections::HashSet, ops::Range};

use super::{Conversation, Slot, State};
use crate::{Call, End, PendingApproval, Rules, StopReason, ToolSpec, Transfer, Work, safe_lines};

/// The work that can start now, the work that can start when a call with the same key has ended,
/// and the calls that wait for a person, each in call order.
#[derive(Default)]
pub(super) struct Survey {
    pub(super) work: Vec<Work>,
    later: Vec<(String, Work)>,
    waiting: Vec<PendingApproval>,
}

/// Which other steps a step of a plan takes turns with.
enum TurnTaking {
    None,
    Alone,
    Key(String),
}

impl Survey {
    /// The calls among the work.
    pub(super) fn calls(self) -> impl Iterator<Item = Call> {
        self.work.into_iter().filter_map(|work| match work {
            Work::Call(call) => Some(call),
            Work::Delegate(_) => None,
        })
    }

    fn next(self) -> Next {
        match self {
            Self { work, later, .. } if !work.is_empty() => Next::Tools(work, later),
            Self { waiting, .. } if !waiting.is_empty() => Next::User(End::Waiting(waiting)),
            // Only a transfer is left.
            Self { .. } => Next::Model,
        }
    }
}

/// The next turn.
pub(super) enum Next {
    Model,
    /// The work that can start now, and the work that can start when a call with the same key has
    /// ended.
    Tools(Vec<Work>, Vec<(String, Work)>),
    User(End),
}

impl Conversation {
    pub(super) fn next(&self, rules: &dyn Rules) -> Next {
        // What a delegated conversation leaves would be lost.
        let waits = self.depth > 0 || !rules.leaves_detached();
        match self.next_without_detached(rules) {
            Next::User(End::Waiting(waiting)) => match self.detached(waiting.clone(), rules, End::Waiting) {
                Next::Tools(..) if !waits => Next::User(End::Waiting(self.waiting())),
                next => next,
            },
            Next::User(end @ End::Answered(_)) if waits => {
                let or_wait = |waiting: Vec<_>| if waiting.is_empty() { end } else { End::Waiting(waiting) };
                self.detached(Vec::new(), rules, or_wait)
            }
            next => next,
        }
    }

    /// The work of detached calls. If there is none, the run ends; `waiting` are the calls that wait
    /// for a person.
    fn detached(
        &self,
        waiting: Vec<PendingApproval>,
        rules: &dyn Rules,
        end: impl FnOnce(Vec<PendingApproval>) -> End,
    ) -> Next {
        let mut survey = Survey { waiting, ..Survey::default() };
        self.detached.going_on.iter().for_each(|slot| self.look_at_slot(slot, 0, rules, &mut survey));
        match survey.work.is_empty() {
            true => Next::User(end(survey.waiting)),
            false => Next::Tools(survey.work, Vec::new()),
        }
    }

    fn next_without_detached(&self, rules: &dyn Rules) -> Next {
        use StopReason::*;
        let Some(reason) = &self.stop else {
            if let Some(result) = self.plan_result() {
                return Next::User(End::Answered(result.content.to_text()));
            }
            return match self.answer_at_end() {
                Some(answer) => Next::User(End::Answered(answer)),
                None if self.has_news() => self.model(rules),
                None => Next::User(End::Other("nothing was said: say something first".to_owned())),
            };
        };
        Next::User(match reason {
            reason if reason.runs_calls() && !self.slots.is_empty() => return self.tools(rules),
            ToolUse => End::Other("tool_use without a tool call".to_owned()),
            PauseTurn | Compaction => return self.model(rules),
            EndTurn | StopSequence => End::Answered(self.text()),
            MaxTokens | ContextWindowExceeded | Cancelled => End::Cut(reason.clone()),
            Refusal => End::Refused(self.stop_details.clone()),
            Other(word) => End::Other(match self.slots.len() {
                0 => word.clone(),
                calls => format!("{word}: {calls} of its calls were not made"),
            }),
        })
    }

    fn model(&self, rules: &dyn Rules) -> Next {
        match self.turns < rules.turns(&self.agent) || self.has_just_returned() {
            true => Next::Model,
            false => Next::User(End::TurnLimit(self.turns)),
        }
    }

    /// Calls of tools that run first are made one at a time, before all others. The others start in
    /// parallel, except that exclusive calls run alone and calls with the same key take turns. A
    /// transfer takes effect when the calls before it are done.
    fn tools(&self, rules: &dyn Rules) -> Next {
        if self.is_plan() {
            return match self.survey_plan(&HashSet::new(), rules).next() {
                Next::Model => Next::User(End::Other("no step of the plan can go on".to_owned())),
                next => next,
            };
        }
        let comes_first = |place: usize| self.spec(place, rules).is_some_and(|spec| spec.runs_first);
        let mut open = self.slots.open().filter(|place| !self.slots[*place].is_done());
        // If another call is done, all calls that run first are done too. So this avoids a search
        // through thousands of calls for each exclusive one.
        let others_ran = self.slots.done().rev().take(4).any(|place| !comes_first(place));
        let first = if others_ran { None } else { open.find(|place| comes_first(*place)) };
        let survey = match first {
            Some(place) => self.survey(place..place + 1, rules),
            None => self.survey(self.slots.open(), rules),
        };
        survey.next()
    }

    /// Collects the steps of a plan that can start now. `running` are the ids of those that have
    /// started. As in a reply, an exclusive call runs alone, and calls with the same key take
    /// turns. If the plan has ended, it collects what its host must stop.
    pub(super) fn survey_plan(&self, running: &HashSet<String>, rules: &dyn Rules) -> Survey {
        let (mut survey, mut keys) = (Survey::default(), HashSet::new());
        let is_running = |place: &usize| running.contains(&self.slots[*place].call.id);
        let has_begun = |place: &usize| !matches!(self.slots[*place].state, State::Planned);
        let unsettled =
            || self.slots.open().filter(|place| !self.slots[*place].is_settled()).filter(has_begun);
        if self.has_enough() {
            let left = unsettled().filter(|place| !is_running(place));
            survey.work.extend(left.filter_map(|place| self.slots[place].work(place, self)));
            return survey;
        }
        for place in unsettled().filter(is_running) {
            match self.turn_taking(place, rules) {
                TurnTaking::Alone => return survey,
                TurnTaking::Key(key) => drop(keys.insert(key)),
                TurnTaking::None => {}
            }
        }
        let mut all_settled = running.is_empty();
        for place in unsettled().filter(|place| !is_running(place)) {
            match self.turn_taking(place, rules) {
                TurnTaking::Alone => {
                    if all_settled {
                        self.look_at(place, rules, &mut survey);
                    }
                    break;
                }
                TurnTaking::Key(key) if !keys.insert(key.clone()) => {}
                _ => self.look_at(place, rules, &mut survey),
            }
            all_settled = false;
        }
        survey
    }

    /// Which steps this one takes turns with. The calls for the items of a list have different
    /// keys, so they are alone if their tool has one.
    fn turn_taking(&self, place: usize, rules: &dyn Rules) -> TurnTaking {
        let slot = &self.slots[place];
        let Some(spec) = self.spec(place, rules) else { return TurnTaking::None };
        let are_items = matches!(&slot.state, State::Delegated(child) if child.is_plan());
        match &spec.exclusive_by {
            _ if spec.exclusive => TurnTaking::Alone,
            Some(_) if are_items => TurnTaking::Alone,
            Some(by) => by.key(&slot.call.input).map_or(TurnTaking::None, TurnTaking::Key),
            None => TurnTaking::None,
        }
    }

    /// Collects the work of these calls, and those that wait for a person.
    fn survey(&self, places: Range<usize>, rules: &dyn Rules) -> Survey {
        let mut survey = Survey::default();
        let (mut all_settled, mut keys) = (true, HashSet::new());
        for place in places.filter(|place| !self.slots[*place].is_settled()) {
            let (slot, spec) = (&self.slots[place], self.spec(place, rules));
            if spec.is_some_and(|spec| spec.exclusive) {
                if all_settled {
                    self.look_at(place, rules, &mut survey);
                }
                break;
            }
            match spec.and_then(|spec| spec.exclusive_by.as_ref()?.key(&slot.call.input)) {
                Some(key) if keys.contains(&key) => {
                    survey.later.extend(slot.work(place, self).map(|work| (key, work)));
                }
                key => {
                    self.look_at(place, rules, &mut survey);
                    keys.extend(key);
                }
            }
            all_settled = false;
        }
        survey
    }

    fn look_at(&self, place: usize, rules: &dyn Rules, survey: &mut Survey) {
        self.look_at_slot(&self.slots[place], place, rules, survey);
    }

    fn look_at_slot(&self, slot: &Slot, place: usize, rules: &dyn Rules, survey: &mut Survey) {
        match &slot.state {
            State::Waiting { question } => survey.waiting.push(self.pending_approval(slot, question)),
            State::Delegated(child) => match child.next(rules) {
                Next::User(End::Waiting(calls)) => survey.waiting.extend(calls),
                _ => survey.work.extend(slot.work(place, self)),
            },
            _ => survey.work.extend(slot.work(place, self)),
        }
    }

    fn pending_approval(&self, slot: &Slot, question: &str) -> PendingApproval {
        PendingApproval {
            key: self.key(slot),
            agent: self.agent.to_string(),
            call: slot.call.clone(),
            // The person must see all characters of the question.
            question: safe_lines(question).into_owned(),
        }
    }

    /// All calls that wait for a person, here and in delegated conversations, in call order. Unlike
    /// [`End::Waiting`] it needs no rules, and it also works while other calls still run.
    pub fn waiting(&self) -> Vec<PendingApproval> {
        self.all_slots().flat_map(|slot| self.waiting_in(slot)).collect()
    }

    /// What waits for a person in this call, or in the conversation that was delegated from it.
    pub(super) fn waiting_in(&self, slot: &Slot) -> Vec<PendingApproval> {
        match &slot.state {
            State::Waiting { question } => vec![self.pending_approval(slot, question)],
            State::Delegated(child) => child.waiting(),
            _ => Vec::new(),
        }
    }

    /// Whether nothing is left to do but to wait for a person.
    pub(super) fn only_waits(&self, rules: &dyn Rules) -> bool {
        matches!(self.next(rules), Next::User(End::Waiting(_)))
    }

    /// The spec of a call's tool; `None` if the call is over the limit of its reply and not made.
    fn spec<'r>(&self, place: usize, rules: &'r dyn Rules) -> Option<&'r ToolSpec> {
        match rules.limits().is_beyond(place) {
            true => None,
            false => rules.spec(&self.agent, &self.slots[place].call.name),
        }
    }

    pub(super) fn key(&self, slot: &Slot) -> String {
        format!("{}/{}", self.id, slot.call.id)
    }

    /// The pending transfer, and the place of its call. If there are several, it is the first in
    /// call order.
    pub(super) fn transfer(&self) -> Option<(usize, &Transfer)> {
        self.slots.iter().enumerate().find_map(|(place, slot)| match &slot.state {
            State::Transfer(transfer) => Some((place, transfer)),
            _ => None,
        })
    }
}
