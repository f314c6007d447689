//! The result of a plan: what the model asked to see, and what failed.

use std::cell::RefCell;

use super::status::{Status, other_blocks, value};
use crate::{
    Block, Content, Conversation, Json, Outcome,
    conversation::plan::{Plan, Values, error},
    message::fields::Fields,
};

impl Conversation {
    /// The result for the call that made the plan. `None` if this is not the conversation of a plan, or
    /// not all steps have ended.
    pub(in crate::conversation) fn plan_result(&self) -> Option<Outcome> {
        let plan = self.plan.as_ref().filter(|_| self.slots.is_empty() && self.stop.is_none())?;
        let last = self.last_steps(plan);
        Some(match (&plan.result, &*last) {
            _ if plan.is_list => self.items(plan),
            (Some(result), _) => self.shown(plan, result, &last),
            (None, [only]) => self.only(plan, *only),
            (None, _) => {
                let mut result = Fields::default();
                for id in last.iter().map(|place| plan.steps[*place].id.as_str()) {
                    result.set(id, Json::from(serde_json::json!({ "$from": id })).raw());
                }
                self.shown(plan, &result.json(), &last)
            }
        })
    }

    /// The steps at the ends of the plan: those that were needed, and whose result no other step uses.
    /// If there is a step for the case that one fails, its failure is dealt with.
    fn last_steps(&self, plan: &Plan) -> Vec<usize> {
        let is_needed = |place: usize| !matches!(self.status(place), Status::NotNeeded);
        let is_failed = |place: usize| matches!(self.status(place), Status::Failed(_));
        let others =
            || plan.needs.iter().enumerate().filter(|(place, _)| is_needed(*place)).map(|(_, needs)| needs);
        let is_used = |place: usize| {
            others().any(|needs| needs.results.iter().any(|result| result.steps.contains(&place)))
                || (is_failed(place) && others().any(|needs| needs.failure == Some(place)))
        };
        (0..plan.steps.len()).filter(|place| is_needed(*place) && !is_used(*place)).collect()
    }

    /// The results of all items of a list, in order.
    fn items(&self, plan: &Plan) -> Outcome {
        let places = 0..plan.steps.len();
        let result = |place: usize| match self.status(place) {
            Status::Good(content) => value(content),
            Status::Failed(why) => error(&why),
            Status::NotNeeded | Status::Open => unreachable!("an item needs no step"),
        };
        let all: Vec<Json> = places.clone().map(result).collect();
        let text = Json::of(&all).expect("JSON can always be written").text().to_owned();
        match places.clone().any(|place| matches!(self.status(place), Status::Good(_))) {
            true => Outcome::output(self.with_blocks(text, places)),
            false => Outcome::error(text),
        }
    }

    /// The result of the only step at the end, unchanged.
    fn only(&self, plan: &Plan, place: usize) -> Outcome {
        let id = &plan.steps[place].id;
        match self.status(place) {
            Status::Good(content) => match self.stopped(plan) {
                told if told.is_empty() => Outcome::output(content.clone()),
                told => Outcome::output(self.with_blocks(content.to_text() + &told, [place].into_iter())),
            },
            Status::Failed(why) => Outcome::error(self.reason(place, &why)),
            Status::NotNeeded | Status::Open => unreachable!("step {id:?} was needed, and has ended"),
        }
    }

    /// What is to be shown. A result that is not there is shown as an object with the error. Failures of
    /// last steps that would not be seen so are added.
    fn shown(&self, plan: &Plan, result: &Json, last: &[usize]) -> Outcome {
        let seen = RefCell::new(Vec::new());
        let values = Values {
            result: &|ids| {
                let place = |id: &String| plan.steps.iter().position(|step| step.id == *id);
                seen.borrow_mut().extend(ids.iter().filter_map(place));
                self.value_of(plan, ids)
            },
            item: None,
            shows_errors: true,
        };
        let filled = values.fill(result).unwrap_or_else(|why| error(&why));
        let (mut text, seen) = (filled.text().to_owned(), seen.take());
        for place in last.iter().filter(|place| !seen.contains(place)) {
            if let Status::Failed(why) = self.status(*place) {
                text.push_str(&format!("\nNot shown above: {}", self.reason(*place, &why)));
            }
        }
        text.push_str(&self.stopped(plan));
        let is_good = |place: &usize| matches!(self.status(*place), Status::Good(_));
        let is_failed = |place: usize| matches!(self.status(place), Status::Failed(_));
        let has_failed = plan.stop_on_failure && (0..plan.steps.len()).any(is_failed);
        match !has_failed && (seen.is_empty() || seen.iter().any(is_good)) {
            true => Outcome::output(self.with_blocks(text, seen.into_iter())),
            false => Outcome::error(text),
        }
    }

    /// What is told of the steps that had begun and were stopped, because the plan needed no more.
    fn stopped(&self, plan: &Plan) -> String {
        let told = plan.steps.iter().enumerate().filter_map(|(place, step)| {
            let why = self.stopped_step(place)?;
            Some(format!("\nStep {:?} was stopped: {why}", step.id))
        });
        told.collect()
    }

    /// A text, and the pictures and other blocks of these steps' results.
    fn with_blocks(&self, text: String, places: impl Iterator<Item = usize>) -> Content {
        let blocks: Vec<Block> = places.flat_map(|place| other_blocks(self.messages.last(), place)).collect();
        match blocks.is_empty() {
            true => text.into(),
            false => [vec![Block::text(text)], blocks].concat().into(),
        }
    }
}
