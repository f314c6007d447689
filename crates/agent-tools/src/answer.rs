//! What a tool returns to end the run.

use std::fmt::Display;

use agent_core::Outcome;
use serde::Serialize;

use crate::{IntoOutcome, into_outcome::written};

/// A value that ends the run: a tool that returns it gives the answer, and the model is not asked
/// again. A tool that can fail returns `Result<Answer<T>, E>`; the model reads the error, and the
/// run goes on.
///
/// The value is written as a result is: a string as it is, and any other value as JSON. See
/// [`IntoOutcome`]. [`Outcome::Answer`] says what happens to other calls of the same reply. With
/// `run_typed`, the value comes back as a Rust type; see the module `typed`.
///
/// ```
/// use agent_core::{Agent, script::{Reply, Script}};
/// use agent_tools::{Answer, tool};
///
/// /// Orders chairs. Call it last.
/// #[tool]
/// async fn order(chairs: u32) -> Result<Answer<String>, String> {
///     match chairs {
///         0 => Err("how many?".to_owned()),
///         chairs => Ok(Answer(format!("{chairs} chairs are ordered."))),
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let model = Script::new([Reply::call("order", serde_json::json!({"chairs": 2}))]);
/// let agent = Agent::builder("clerk", model).tool(order_tool()).build()?;
/// let end = agent.run(&mut agent.start("Two chairs, please.")).await?;
/// assert_eq!(end.text(), "2 chairs are ordered.");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A tool that only sometimes ends the run returns an [`Outcome`]: `Answer(value).into_outcome()`
/// in one case, and `value.into_outcome()` in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<T>(pub T);

impl<T: Serialize + 'static> IntoOutcome for Answer<T> {
    fn into_outcome(self) -> Outcome {
        match written(self.0) {
            Outcome::Output(content) => Outcome::answer(content),
            // It can't be written, or it is an outcome itself.
            other => other,
        }
    }
}

// `Answer` must not be `Serialize`. If it were, this would be the same as the implementation for
// any `Result`.
impl<T: Serialize + 'static, E: Display + 'static> IntoOutcome for Result<Answer<T>, E> {
    fn into_outcome(self) -> Outcome {
        match self {
            Ok(answer) => answer.into_outcome(),
            Err(error) => Outcome::failed(error),
        }
    }
}
