//! A conformance kit: it puts any [`Llm`](agent_core::Llm) through cases that went wrong in
//! practice, and says what your backend must do in each.
//!
//! This is a whole test. `my_backend` makes your backend for a server at a URL:
//!
//! ```no_run
//! use agent_mock::conformance::Conformance;
//! # fn my_backend(_url: String) -> impl agent_core::Llm { agent_core::script::Script::new([]) }
//!
//! #[tokio::test]
//! async fn my_backend_conforms() {
//!     Conformance::http(|url| my_backend(url)).run().await.assert();
//! }
//! ```
//!
//! Each case starts a [`Mock`](crate::Mock) server with its own replies and faults, and asks your
//! backend. So the backend must speak an API that the server speaks. The cases are text, streams,
//! parallel calls, odd ids and inputs, usage, stop reasons, histories of other models, whole runs
//! of an agent with tools, error statuses, streams that break off or hold errors, cancelling, and
//! requests in parallel. [`cases`] lists them, with what each is for.
//!
//! The report has one line per case. [`Report::assert`] panics with it if a case failed:
//!
//! ```
//! use agent_core::script::Script;
//! use agent_mock::conformance::Conformance;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! // A backend without a server gets the replies themselves.
//! let kit = Conformance::scripted(Script::new).only("usage").only("one id twice").only("cancel");
//! let report = kit.run().await;
//! report.assert();
//! assert_eq!(report.to_string(), "\
//! passed          usage
//! passed          one id twice
//! not applicable  cancel: it needs a backend that asks a server
//! 2 passed, 0 failed, 1 not applicable
//! ");
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - **Retries:** make the backend without them. Then the cases see each error.
//! - **Streams:** if the backend can also ask for replies in one piece, put it through twice. Cases
//!   that need the other way are not applicable then, and the report says so.
//! - **Wrappers:** put a wrapper through around a backend that passes.
//! - **What a backend can't do:** [`Conformance::skip`] leaves a case out, with a reason that the
//!   report repeats.
//! - **A case that fails:** [`Conformance::only`] runs it alone.
//!
//! A reply is compared by its text, its calls, what its stop reason means, and its usage. Blocks
//! that only one API has, such as thinking, may stand between. The deltas must be
//! [valid](agent_core::model::DeltaValidator), and one block may be open at a time.

mod case;
mod cases;
mod checks;
mod delta_rules;
mod kit;
mod likeness;
mod mismatch;
mod reading;
mod report;
mod stage;
mod tools;

pub use case::Case;
pub use cases::cases;
pub use kit::Conformance;
pub use report::{CaseReport, Report, Verdict};
