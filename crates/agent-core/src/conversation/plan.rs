//! Plans: calls that depend on each other, made for one call of a model.

mod check;
mod reference;
mod step_reader;
mod template;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use check::InvalidPlan;
pub(super) use check::Names;
pub(super) use reference::Reference;
pub(crate) use step_reader::StepReader;
pub(super) use template::{LONGEST, Values, beginning, error};

use crate::Json;

/// The most steps of a plan, and the most items of a [`Step::for_each`].
pub(super) const MOST_STEPS: usize = 1_000;

/// Calls that depend on each other, as data. A tool returns it as
/// [`Outcome::Plan`](crate::Outcome::Plan), and the host makes the calls: each as soon as the calls
/// that it needs have ended, all others in parallel. So a model can say in one reply what would
/// take several.
///
/// A plan is read from JSON, and checked then. Any value in an input may be one of these objects,
/// which are replaced before the call is made:
///
/// - `{"$from": "a"}` is the result of step `a`. With `"path": "/items/0/price"` it is a part of
///   it. `{"$from": ["a", "b"]}` is the result of the first of these steps that has one.
/// - `{"$text": ["The price is ", {"$from": "a"}]}` joins its parts to one string.
/// - `{"$literal": …}` is its value, unchanged, for JSON that looks like one of these objects.
/// - `{"$item": "/name"}` is a part of the current item of [`Step::for_each`]; `{"$item": ""}` is
///   the whole item.
///
/// A result that is JSON is used as JSON, another one as a string. Steps that need a failed step
/// are skipped; all others run.
///
/// ```
/// use agent_core::conversation::Plan;
///
/// let plan: Plan = serde_json::from_str(r#"{"steps": [
///     {"id": "oslo", "tool": "weather", "input": {"city": "Oslo"}},
///     {"id": "rome", "tool": "weather", "input": {"city": "Rome"}},
///     {"id": "warmer", "tool": "compare", "input": {
///         "a": {"$from": "oslo", "path": "/celsius"}, "b": {"$from": "rome", "path": "/celsius"}}}
/// ]}"#)?;
/// assert_eq!(plan.steps().len(), 3);
///
/// let wrong = r#"{"steps": [{"id": "a", "tool": "look", "input": {"at": {"$from": "b"}}}]}"#;
/// let error = serde_json::from_str::<Plan>(wrong).unwrap_err().to_string();
/// assert!(error.starts_with(r#"step "a" needs step "b", but there is no such step; steps: a"#));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Plan {
    pub(super) steps: Vec<Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) enough: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) stop_on_failure: bool,
    /// What each step needs, in the order of the steps.
    #[serde(skip)]
    pub(super) needs: Arc<Vec<Needs>>,
}

/// One call of a [`Plan`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The id of the step, by which other steps name it: letters, digits, `_` and `-`, at most 64.
    pub id: String,
    /// The name of a tool of the agent.
    pub tool: String,
    /// The input of the call, in which results of other steps may be used; see [`Plan`].
    #[serde(default = "no_input")]
    pub input: Json,
    /// A list, or `{"$from": …}` for the result of a step that is a list. Then the call is made
    /// once for each item, in parallel, and the result of the step is the list of results. An item
    /// whose call failed has the result `{"error": "…"}`. The step fails only if all of them
    /// failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<Json>,
    /// Steps that must have succeeded before this one, even if it uses no result of theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// The call is made only if this step failed. If that step succeeded, this one is not needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_failed: Option<String>,
}

/// What a step waits for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Needs {
    /// Each of these must have a result: the first of its steps that has one is used.
    pub(super) results: Vec<Reference>,
    /// This step must have failed.
    pub(super) failure: Option<usize>,
    /// Whether no other step waits for this one.
    pub(super) is_last: bool,
}

impl Plan {
    /// Makes a plan of these steps. It fails if they can't be carried out.
    ///
    /// ```
    /// use agent_core::conversation::{Plan, Step};
    /// use serde_json::json;
    ///
    /// let ask = |agent: &str| Step::new(agent, agent, json!({"task": "Which train is the fastest?"}));
    /// let plan = Plan::new(["ada", "bob"].map(ask))?.enough(1);
    /// # Ok::<(), agent_core::conversation::InvalidPlan>(())
    /// ```
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Result<Self, InvalidPlan> {
        Self::try_from(Written { steps: steps.into_iter().collect(), ..Written::default() })
    }

    /// Sets what is shown of the results; see [`result`](Self::result). It fails if it names a step
    /// that does not exist.
    pub fn with_result(self, result: impl Into<Json>) -> Result<Self, InvalidPlan> {
        let result = Some(result.into());
        check::needs(&self.steps, result.as_ref())?;
        Ok(Self { result, ..self })
    }

    /// Ends the plan as soon as so many of the steps that no other step uses have succeeded. The
    /// other steps are stopped or not made. What was stopped is told with the result. By default
    /// all steps are carried out. 0 counts as 1, and more than there are count as all. In JSON it
    /// is the field `enough`.
    pub fn enough(self, steps: u32) -> Self {
        Self { enough: Some(steps), ..self }
    }

    /// Ends the plan as soon as one step has failed. The others are stopped or not made, and the
    /// result is an error. In JSON it is the field `stop_on_failure`.
    pub fn stop_on_failure(self) -> Self {
        Self { stop_on_failure: true, ..self }
    }

    /// The steps, in the order in which they were written.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What the model asked to see of the results: any JSON, in which objects like those in inputs
    /// are replaced by results. `None` if it did not say: then the results of those steps are shown
    /// that no other step uses.
    pub fn result(&self) -> Option<&Json> {
        self.result.as_ref()
    }
}

impl Step {
    /// Makes a step that calls a tool with this input, a JSON object. Results of other steps can be
    /// used in it; see [`Plan`].
    pub fn new(id: impl Into<String>, tool: impl Into<String>, input: impl Into<Json>) -> Self {
        let (id, tool, input) = (id.into(), tool.into(), input.into());
        Self { id, tool, input, for_each: None, after: Vec::new(), if_failed: None }
    }

    /// Sets [`Step::for_each`].
    pub fn for_each(mut self, list: impl Into<Json>) -> Self {
        self.for_each = Some(list.into());
        self
    }

    /// Adds a step to [`Step::after`].
    pub fn after(mut self, step: impl Into<String>) -> Self {
        self.after.push(step.into());
        self
    }

    /// Sets [`Step::if_failed`].
    pub fn if_failed(mut self, step: impl Into<String>) -> Self {
        self.if_failed = Some(step.into());
        self
    }
}

fn no_input() -> Json {
    Json::checked("{}")
}

/// A plan as it is written in JSON.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    steps: Vec<Step>,
    #[serde(default)]
    result: Option<Json>,
    #[serde(default)]
    enough: Option<u32>,
    #[serde(default)]
    stop_on_failure: bool,
}

impl TryFrom<Written> for Plan {
    type Error = InvalidPlan;

    fn try_from(written: Written) -> Result<Self, InvalidPlan> {
        let Written { steps, result, enough, stop_on_failure } = written;
        let needs = Arc::new(check::needs(&steps, result.as_ref())?);
        let ends = needs.iter().filter(|needs| needs.is_last).count();
        if let Some(enough) = enough.filter(|enough| *enough == 0 || *enough as usize > ends) {
            return Err(InvalidPlan::InvalidEnough(enough, ends));
        }
        Ok(Self { steps, result, enough, stop_on_failure, needs })
    }
}
