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
        let shown = Found { names: &names, by: "the result".to_owned(), may_have_items: false };
        shown.collect(result, &mut Vec::new())?;
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
    pub(in crate::conversation) fn needs(&self, step: &Step) -> Result<Needs, InvalidPlan> {
        let by = format!("step {:?}", step.id);
        if !step.input.text().starts_with('{') {
            let why = "its input must be an object".to_owned();
            return Err(InvalidPlan::InvalidReference { by, why });
        }
        let mut results = Vec::new();
        let input = Found { names: self, by: by.clone(), may_have_items: step.for_each.is_some() };
        input.collect(&step.input, &mut results)?;
        if let Some(list) = &step.for_each {
            Found { names: self, by: by.clone(), may_have_items: false }.collect(list, &mut results)?;
        }
        for other in &step.after {
            results.push(Reference { steps: vec![self.place(&by, other)?], path: String::new() });
        }
        let failure = step.if_failed.as_ref().map(|other| self.place(&by, other)).transpose()?;
        Ok(Needs { results, failure, is_last: false })
    }

    fn place(&self, by: &str, step: &str) -> Result<usize, InvalidPlan> {
        self.find(step).ok_or_else(|| InvalidPlan::UnknownStep {
            by: by.to_owned(),
            step: step.to_owned(),
            steps: self.ids.join(", "),
        })
    }
}

/// Finds the results that a template uses.
struct Found<'a> {
    names: &'a Names,
    by: String,
    may_have_items: bool,
}

impl Found<'_> {
    fn collect(&self, template: &Json, found: &mut Vec<Reference>) -> Result<(), InvalidPlan> {
        match template.text().contains("\"$") {
            true => self.visit(template.raw(), 0, found),
            false => Ok(()),
        }
    }

    fn visit(&self, value: &RawValue, depth: usize, found: &mut Vec<Reference>) -> Result<(), InvalidPlan> {
        let wrong = |why: String| InvalidPlan::InvalidReference { by: self.by.clone(), why };
        match node_at(value, depth).map_err(wrong)? {
            Node::Plain | Node::Literal(_) => Ok(()),
            Node::Item { .. } if self.may_have_items => Ok(()),
            Node::Item { .. } => {
                Err(wrong("\"$item\" is only for the input of a step with \"for_each\"".to_owned()))
            }
            Node::From { steps, path } => {
                let steps =
                    steps.iter().map(|step| self.names.place(&self.by, step)).collect::<Result<_, _>>()?;
                found.push(Reference { steps, path });
                Ok(())
            }
            Node::Text(parts) | Node::List(parts) => {
                parts.into_iter().try_for_each(|part| self.visit(part, depth + 1, found))
            }
            Node::Object(fields) => {
                fields.iter().try_for_each(|(_, value)| self.visit(value, depth + 1, found))
            }
        }
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
