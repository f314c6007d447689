//! Typed answers: a run that ends with a value of a Rust type instead of text.
//!
//! [`RunTyped::run_typed`] is all that most programs need:
//!
//! ```
//! use agent_core::{Agent, script::{Reply, Script}};
//! use agent_tools::RunTyped;
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct Trip { city: String, #[schemars(range(min = 1, max = 7))] days: u32 }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! // The first answer has too many days. The model reads why, and answers again.
//! let answers = [r#"{"city": "Oslo", "days": 9}"#, r#"{"city": "Oslo", "days": 7}"#];
//! let agent = Agent::builder("planner", Script::new(answers.map(Reply::text))).build()?;
//!
//! let mut conversation = agent.start("Plan a trip to Oslo.");
//! let trip = agent.run_typed::<Trip>(&mut conversation).await?;
//! assert_eq!((trip.value.days, trip.tries), (7, 2));
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How the model gives the answer
//!
//! If the backend's API can make the model follow the schema of the type
//! ([`Llm::supports_answer_schema`](agent_core::Llm::supports_answer_schema)), the request has the
//! schema. If not, the request has one more tool, `final_answer`, whose input is the answer. In
//! both cases the record of the conversation holds the answer as JSON text.
//!
//! # How the answer is checked
//!
//! Each answer is checked here against the whole schema, because APIs enforce only a part of it: no
//! bounds, no lengths, no patterns. If it does not fit, the model reads which rules it breaks and
//! where, and answers again, without tools. By default it has [three tries](AnswerType::DEFAULT_TRIES).
//! Only the last answer is recorded. The tokens of all tries are counted.
//!
//! A reply that was cut, or refused, is never an answer.
//!
//! # Answers of tools
//!
//! A tool that returns an [`Answer`](crate::Answer) ends the run with that value. It is checked in
//! the same way. If it does not fit, the error names the tool ([`TypedError::ToolDoesNotFit`]). The
//! model is not asked again, since it can't correct the code of a tool.
//!
//! # Other hosts
//!
//! [`AnswerType::team`] returns a team whose runs have typed answers on any host: in this process,
//! on a journal, on Restate. After a run, [`AnswerType::read`] returns the value.
//! [`AnswerType::agent`] returns an agent whose answers always have the type, also when another
//! agent delegated the task.

mod answer_tool;
mod answer_type;
mod check;
mod error;
mod find_json;
mod reply;
mod run_typed;
#[cfg(test)]
mod tests;
mod typed_model;

pub use answer_type::AnswerType;
pub use error::TypedError;
pub use run_typed::{RunTyped, Typed, TypedRun, TypedValue};
