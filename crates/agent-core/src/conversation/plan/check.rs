//! Checks a plan when it is read, and finds what each step needs.

use std::collections::{BTreeMap, HashMap, HashSet, hash_map::Entry};

use serde_json::value::RawValue;

use super::{
    MOST_STEPS, Needs, Step,
    reference::{Node, Reference, node_at},
};
use crate::{Json, conversation::sanitize::is_valid};

/// The longest id of a step, in bytes.
const LONGEST_ID: usize = 64;

/// The error for a plan that can't be carried out. The text is made for the model that wrote it.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPlan {
    /// It has no steps.
    #[error("the plan has no steps")]
    NoSteps,
    /// It has too many steps.
    #[error("the plan has {0} steps, but may have at most {MOST_STEPS}")]
    TooManySteps(usize),
    /// The id of a step is not allowed.
    #[error("{0:?} can't be the id of a step: use 1 to {LONGEST_ID} letters, digits, `_` and `-`")]
    InvalidId(String),
    /// Two steps have the same id.
    #[error("two steps have the id {0:?}")]
    RepeatedId(String),
    /// A step, or the result, needs a step that does not exist.
    #[error("{by} needs step {step:?}, but there is no such step; steps: {steps}")]
    UnknownStep {
        /// What needs it.
        by: String,
        /// The step that does not exist.
        step: String,
        /// The ids of all steps.
        steps: String,
    },
    /// An object that stands for a result is not written as it must be.
    #[error("{by}: {why}")]
    InvalidReference {
        /// Where it is.
        by: String,
        /// What is wrong with it.
        why: String,
    },
    /// A number of results is not enough, or more than there are.
    #[error(
        "\"enough\" is {0}, but must be at least 1 and at most {1}, the number of steps that no other step uses"
    )]
    InvalidEnough(u32, usize),
    /// Steps need each other.
    #[error("these steps need each other, so none of them can begin: {0}")]
    Circle(String),
}

/// What each step needs. The result may name any step.
pub(super) fn needs(steps: &[Step], result: Option<&Json>) -> Result<Vec<Needs>, InvalidPlan> {
    if steps.is_empty() {
        return Err(InvalidPlan::NoSteps);
    }
    if steps.len() > MOST_STEPS {
        return Err(InvalidPlan::TooManySteps(steps.len()));
    }
    let mut names = Names::default();
    steps.iter().try_for_each(|step| names.add(&step.id))?;
    let mut needs = steps.iter().map(|step| names.needs(step)).collect::<Result<Vec<_>, _>>()?;
    let waited_for: HashSet<usize> = needs.iter().flat_map(Needs::steps).collect();
    for (place, needs) in needs.iter_mut().enumerate() {
        needs.is_last = !waited_for.contains(&place);
    }
    if let Some(result) = result {
        let by = "the result".to_owned();
        let mut shown = Found::new(&names, &by);
        shown.collect(result, false)?;
        names.all_known(&by, &shown.unknown)?;
    }
    no_circle(steps, &needs)?;
    Ok(needs)
}

/// The ids of the steps so far, and their places.
#[derive(Debug, Default)]
pub(in crate::conversation) struct Names {
    ids: Vec<String>,
    places: HashMap<String, usize>,
}

impl Names {
    /// Adds the id of the next step.
    pub(in crate::conversation) fn add(&mut self, id: &str) -> Result<(), InvalidPlan> {
        if !is_valid(id) || id.len() > LONGEST_ID {
            return Err(InvalidPlan::InvalidId(id.to_owned()));
        }
        match self.places.entry(id.to_owned()) {
            Entry::Occupied(_) => return Err(InvalidPlan::RepeatedId(id.to_owned())),
            Entry::Vacant(place) => place.insert(self.ids.len()),
        };
        self.ids.push(id.to_owned());
        Ok(())
    }

    /// The place of the step with this id.
    pub(in crate::conversation) fn find(&self, id: &str) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// What this step needs, without whether it is a last one.
    fn needs(&self, step: &Step) -> Result<Needs, InvalidPlan> {
        let (needs, unknown) = self.needs_so_far(step)?;
        self.all_known(&step.by(), &unknown)?;
        Ok(needs)
    }

    /// What this step needs, without whether it is a last one, and the steps that it names and that
    /// are not known yet. If there are some, what it needs is not complete.
    pub(in crate::conversation) fn needs_so_far(
        &self,
        step: &Step,
    ) -> Result<(Needs, Vec<String>), InvalidPlan> {
        let by = step.by();
        if !step.input.text().starts_with('{') {
            let why = "its input must be an object".to_owned();
            return Err(InvalidPlan::InvalidReference { by, why });
        }
        let mut found = Found::new(self, &by);
        found.collect(&step.input, step.for_each.is_some())?;
        if let Some(list) = &step.for_each {
            found.collect(list, false)?;
        }
        for other in &step.after {
            found.add(std::slice::from_ref(other), String::new());
        }
        let failure = step.if_failed.as_ref().and_then(|other| found.place(other));
        Ok((Needs { results: found.results, failure, is_last: false }, found.unknown))
    }

    fn all_known(&self, by: &str, unknown: &[String]) -> Result<(), InvalidPlan> {
        let Some(step) = unknown.first() else { return Ok(()) };
        let (by, step, steps) = (by.to_owned(), step.clone(), self.ids.join(", "));
        Err(InvalidPlan::UnknownStep { by, step, steps })
    }
}

/// Finds the results that templates use.
struct Found<'a> {
    names: &'a Names,
    by: &'a str,
    results: Vec<Reference>,
    /// The names that are of no known step.
    unknown: Vec<String>,
}

impl<'a> Found<'a> {
    fn new(names: &'a Names, by: &'a str) -> Self {
        Self { names, by, results: Vec::new(), unknown: Vec::new() }
    }

    fn collect(&mut self, template: &Json, may_have_items: bool) -> Result<(), InvalidPlan> {
        match template.text().contains("\"$") {
            true => self.visit(template.raw(), 0, may_have_items),
            false => Ok(()),
        }
    }

    fn visit(&mut self, value: &RawValue, depth: usize, may_have_items: bool) -> Result<(), InvalidPlan> {
        let by = self.by;
        let wrong = |why: String| InvalidPlan::InvalidReference { by: by.to_owned(), why };
        match node_at(value, depth).map_err(wrong)? {
            Node::Plain | Node::Literal(_) => Ok(()),
            Node::Item { .. } if may_have_items => Ok(()),
            Node::Item { .. } => {
                Err(wrong("\"$item\" is only for the input of a step with \"for_each\"".to_owned()))
            }
            Node::From { steps, path } => {
                self.add(&steps, path);
                Ok(())
            }
            Node::Text(parts) | Node::List(parts) => {
                parts.into_iter().try_for_each(|part| self.visit(part, depth + 1, may_have_items))
            }
            Node::Object(fields) => {
                fields.iter().try_for_each(|(_, value)| self.visit(value, depth + 1, may_have_items))
            }
        }
    }

    fn add(&mut self, steps: &[String], path: String) {
        let steps = steps.iter().filter_map(|step| self.place(step)).collect();
        self.results.push(Reference { steps, path });
    }

    fn place(&mut self, step: &str) -> Option<usize> {
        let place = self.names.find(step);
        if place.is_none() {
            self.unknown.push(step.to_owned());
        }
        place
    }
}

impl Step {
    /// How errors name it.
    fn by(&self) -> String {
        format!("step {:?}", self.id)
    }
}

/// Takes away steps that need nothing that is left, until none is left. If some remain, they need
/// each other.
fn no_circle(steps: &[Step], needs: &[Needs]) -> Result<(), InvalidPlan> {
    let mut left: BTreeMap<usize, Vec<usize>> = needs.iter().map(Needs::steps).enumerate().collect();
    loop {
        let free: Vec<usize> = left
            .iter()
            .filter(|(_, needed)| needed.iter().all(|other| !left.contains_key(other)))
            .map(|(place, _)| *place)
            .collect();
        if free.is_empty() {
            break;
        }
        free.iter().for_each(|place| drop(left.remove(place)));
    }
    let ids: Vec<&str> = left.keys().map(|place| steps[*place].id.as_str()).collect();
    if ids.is_empty() { Ok(()) } else { Err(InvalidPlan::Circle(ids.join(", "))) }
}

impl Needs {
    /// The places of all steps that it waits for.
    fn steps(&self) -> Vec<usize> {
        let results = self.results.iter().flat_map(|reference| reference.steps.iter().copied());
        results.chain(self.failure).collect()
    }
}
