//! Guards: checks of what an agent reads, says and does.
//!
//! ```
//! # use agent_core::{Agent, Conversation, Team, script::{Reply, Script}};
//! use agent_guards::{CallVerdict, Guards, Input, Judgement, ProposedCall};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! # let model = Script::new([Reply::text("In Oslo it rains.")]);
//! # let team = Team::new([Agent::builder("guide", model).build()?])?;
//! let guards = Guards::new()
//!     .input("length", |input: Input| async move {
//!         Ok(match input.text().len() {
//!             0..2_000 => Judgement::Allow,
//!             _ => Judgement::refuse("Please ask in fewer words."),
//!         })
//!     })
//!     .call("payments", |call: ProposedCall| async move {
//!         Ok(if call.tool == "pay" { CallVerdict::ask("May it pay?") } else { CallVerdict::Allow })
//!     });
//! let team = guards.around(team);
//! # let end = team.run(&mut Conversation::start("guide", "Does it rain?")).await?;
//! # assert_eq!(end.text(), "In Oslo it rains.");
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Guards`] takes guards for five places:
//!
//! | trait | checks | may | when |
//! |--|--|--|--|
//! | [`InputGuard`] | what the user said | refuse | beside the request, which it stops |
//! | [`InputRewriter`] | what the user said | replace, refuse | before the request |
//! | [`OutputGuard`] | the text of a reply | replace, refuse, ask the model again | before it is shown or recorded |
//! | [`CallGuard`] | a tool call | replace, refuse, ask a person | before the call |
//! | [`ResultGuard`] | a call's result | replace, refuse | before the model reads it |
//!
//! Two are ready to use: [`Redact`] keeps secrets and personal data from models, and [`Breaker`] ends
//! the loop of a model that repeats a failing call.
//!
//! Guards are wrappers around models and tools. So they work with every host: in process, on a
//! journal, on Restate. A check that fails has refused; nothing goes on unchecked.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod breaker;
mod call;
mod check;
mod guarded_tool;
mod guards;
mod input;
mod models;
mod output;
mod redact;
mod refusal;
mod verdict;

pub use breaker::Breaker;
pub use call::{CallGuard, CallResult, ProposedCall, ResultGuard};
pub use guards::Guards;
pub use input::{Input, InputGuard, InputRewriter, UserText};
pub use models::Windows;
pub use output::{Output, OutputGuard};
pub use redact::{InvalidPattern, Redact};
pub use refusal::{GuardRefusal, Refused};
pub use verdict::{BoxError, CallVerdict, Judgement, OutputVerdict, Verdict};

/// The chapter of the guide, so that its program is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/20-guards.md")]
mod guide {}
