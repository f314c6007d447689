//! The result of a plan: what the model asked to see, and what failed.

use std::{cell::RefCell, collections::HashSet};

use super::{
    Given, PlanResult, Planned,
    status::{Status, other_blocks, value},
};
use crate::{
    Block, Content, Conversation, Json,
    conversation::{
        Skipped,
        plan::{Plan, Values, error},
    },
    message::fields::Fields,
};

impl Conversation {
    /// Keeps the result of a plan whose steps all have theirs, while it is still known how they
    /// ended.
    pub(in crate::conversation) fn keep_plan_result(&mut self) {
        let result = match &self.planned {
            None => return,
            Some(Planned { given: Given::Items, .. }) => self.items(),
            Some(Planned { given: Given::Call, .. }) => self.result_of_call(),
            Some(Planned { given: Given::Plan(plan), .. }) => self.result_of(plan),
        };
        self.planned.iter_mut().for_each(|planned| planned.result = Some(result.clone()));
    }

    /// The result for the call that made the plan. `None` if this is not the conversation of a
    /// plan, or not all steps have ended.
    pub(in crate::conversation) fn plan_result(&self) -> Option<&PlanResult> {
        self.planned.as_ref()?.result.as_ref()
    }

    fn result_of(&self, plan: &Plan) -> PlanResult {
        let last = self.last_steps(plan);
        match (&plan.result, &*last) {
            (Some(result), _) => self.shown(plan, result, &last),
            (None, [only]) => self.only(plan, *only),
            (None, _) => {
                let mut result = Fields::default();
                for id in last.iter().map(|place| plan.steps[*place].id.as_str()) {
                    result.set(id, Json::from(serde_json::json!({ "$from": id })).raw());
                }
                self.shown(plan, &result.json(), &last)
            }
        }
    }

    /// The steps at the ends of the plan: those that were needed, and whose result no other step
    /// uses. If there is a step for the case that one fails, its failure is dealt with.
    fn last_steps(&self, plan: &Plan) -> Vec<usize> {
        let is_needed = |place: usize| {
            !matches!(self.status(place), Status::Skipped(Skipped::NotNeeded(_) | Skipped::Stopped(_)))
        };
        let (mut used, mut caught) = (HashSet::new(), HashSet::new());
        for (_, needs) in plan.needs.iter().enumerate().filter(|(place, _)| is_needed(*place)) {
            used.extend(needs.results.iter().flat_map(|result| result.steps.iter().copied()));
            caught.extend(needs.failure);
        }
        let is_good = |place: &usize| matches!(self.status(*place), Status::Good(_));
        let ends = (0..plan.steps.len()).filter(|place| is_needed(*place) && !used.contains(place));
        ends.filter(|place| is_good(place) || !caught.contains(place)).collect()
    }

    /// The result of the only call, unchanged.
    fn result_of_call(&self) -> PlanResult {
        match self.status(0) {
            Status::Good(content) => PlanResult { content: content.clone(), is_error: false },
            Status::Failed(content) => PlanResult { content: content.clone(), is_error: true },
            Status::Skipped(skipped) => PlanResult { content: skipped.text().into(), is_error: true },
            Status::Open => PlanResult { content: "no result".to_owned().into(), is_error: true },
        }
    }

    /// The results of all items of a list, in order.
    fn items(&self) -> PlanResult {
        let result = |place: usize| match self.status(place) {
            Status::Good(content) => value(content),
            Status::Failed(why) => error(&why.to_text()),
            Status::Skipped(skipped) => error(&skipped.text()),
            Status::Open => error("no result"),
        };
        let places = 0..self.slots.len();
        let all: Vec<Json> = places.clone().map(result).collect();
        let text = Json::of(&all).expect("JSON can always be written").text().to_owned();
        let is_error = !places.clone().any(|place| matches!(self.status(place), Status::Good(_)));
        PlanResult { content: self.with_blocks(text, places), is_error }
    }

    /// The result of the only step at the end, unchanged.
    fn only(&self, plan: &Plan, place: usize) -> PlanResult {
        let (content, is_error) = match (self.status(place), self.stopped(plan)) {
            (Status::Good(content), told) if told.is_empty() => (content.clone(), false),
            (Status::Good(content), told) => (self.with_blocks(content.to_text() + &told, [place]), false),
            (_, told) => {
                let done = self.carried_out(plan, &[place], &[]);
                ((self.why_not(plan, place) + &told + &done).into(), true)
            }
        };
        PlanResult { content, is_error }
    }

    /// What is to be shown. A result that is not there is shown as an object with the error.
    /// Failures of last steps that would not be seen so are added.
    fn shown(&self, plan: &Plan, result: &Json, last: &[usize]) -> PlanResult {
        let seen = RefCell::new(Vec::new());
        let values = Values {
            result: Box::new(|ids: &[String]| {
                let place = |id: &String| plan.steps.iter().position(|step| step.id == *id);
                seen.borrow_mut().extend(ids.iter().filter_map(place));
                self.value_of(plan, ids)
            }),
            item: None,
            shows_errors: true,
        };
        let filled = values.fill(result).unwrap_or_else(|why| error(&why));
        drop(values);
        let (mut text, mut seen) = (filled.text().to_owned(), seen.into_inner());
        seen.sort_unstable();
        seen.dedup();
        for place in last.iter().filter(|place| seen.binary_search(place).is_err()) {
            if !matches!(self.status(*place), Status::Good(_)) {
                text.push_str(&format!("\nNot shown above: {}", self.why_not(plan, *place)));
            }
        }
        text.push_str(&self.stopped(plan));
        text.push_str(&self.carried_out(plan, last, &seen));
        let is_good = |place: &usize| matches!(self.status(*place), Status::Good(_));
        let is_failed = |place: usize| matches!(self.status(place), Status::Failed(_));
        let has_failed = plan.stop_on_failure && (0..plan.steps.len()).any(is_failed);
        let is_error = has_failed || !(seen.is_empty() || seen.iter().any(is_good));
        PlanResult { content: self.with_blocks(text, seen), is_error }
    }

    /// What is told of the steps that had begun and were stopped, because the plan had ended.
    fn stopped(&self, plan: &Plan) -> String {
        let told = plan.steps.iter().enumerate().filter_map(|(place, step)| match self.status(place) {
            Status::Skipped(Skipped::Stopped(what)) => {
                Some(format!("\nStep {:?} was stopped: {}", step.id, what.to_text()))
            }
            _ => None,
        });
        told.collect()
    }

    /// What is told if one of the last steps has no result: which steps were carried out although
    /// none of these shows it. Else the model might make them again.
    fn carried_out(&self, plan: &Plan, last: &[usize], seen: &[usize]) -> String {
        let is_good = |place: &usize| matches!(self.status(*place), Status::Good(_));
        let hidden = |place: &usize| is_good(place) && !seen.contains(place);
        let ids: Vec<String> =
            (0..plan.steps.len()).filter(hidden).map(|place| format!("{:?}", plan.steps[place].id)).collect();
        match ids.is_empty() || last.iter().all(is_good) {
            true => String::new(),
            false => format!("\nAlso carried out: {}", ids.join(", ")),
        }
    }

    /// A text, and the pictures and other blocks of these steps' results.
    fn with_blocks(&self, text: String, places: impl IntoIterator<Item = usize>) -> Content {
        let blocks: Vec<Block> =
            places.into_iter().flat_map(|place| other_blocks(&self.status(place))).collect();
        match blocks.is_empty() {
            true => text.into(),
            false => [vec![Block::text(text)], blocks].concat().into(),
        }
    }
}
