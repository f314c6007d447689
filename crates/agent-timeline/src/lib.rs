//! The timeline of a run, from its events: what ran when, what made the run take that long, and what
//! to change to make it faster. As a page for a browser, a picture, text for a terminal, a trace for
//! other viewers, and as data.
//!
//! ```
//! use std::time::Duration;
//!
//! use agent_core::{Agent, script::{Reply, Script}};
//! use agent_timeline::Timeline;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?.block_on(async {
//! let model = Script::new([Reply::text("Forty-two.").after(Duration::from_millis(600))]);
//! let agent = Agent::builder("oracle", model).build()?;
//! let (mut conversation, mut events) = (agent.start("What is 6 times 7?"), Vec::new());
//! let mut run = agent.run(&mut conversation);
//! while let Some(event) = run.next().await {
//!     events.push(event);
//! }
//! let timeline = Timeline::new(&events);
//! print!("{}", timeline.to_text(80));
//! std::fs::write(std::env::temp_dir().join("run.html"), timeline.to_html())?; // Open it in a browser.
//! assert_eq!(timeline.figures().wall.as_millis(), 600);
//! assert!(timeline.advice()[0].text.starts_with("Waiting for the first token of replies is 100 %"));
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it tells apart
//!
//! Each turn of a model and each call of a tool is a [`Bar`] with [`Segment`]s. The [`State`] of a
//! segment says what happened: a model thinks or writes, a tool runs, or something waits, and for
//! what. [`Timeline::critical_path`] is the chain of turns and calls that decided how long the run
//! took, and [`Timeline::advice`] says what to change.
//!
//! # Two runs
//!
//! [`Comparison`] puts two runs on one scale, for example one with
//! [`Mode::Sequential`](agent_core::host::Mode) and one with [`Mode::Concurrent`](agent_core::host::Mode).
//!
//! # While a run goes on
//!
//! [`TimelineBuilder`] takes events one by one. [`page`] has the parts of the page, for a program
//! that shows a run while it goes on.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod advice;
mod bar;
mod builder;
mod chrome_trace;
mod comparison;
mod critical_path;
mod escape;
mod figures;
mod lane;
mod milliseconds;
pub mod page;
mod state;
mod svg;
mod text;
mod timeline;
mod what_if;

pub use advice::{Advice, AdviceKind};
pub use bar::{Bar, BarKind, Details, MAX_NOTES, MAX_TEXT, Segment};
pub use builder::TimelineBuilder;
pub use comparison::Comparison;
pub use critical_path::Step;
pub use figures::{Figures, Share};
pub use lane::Lane;
pub use state::State;
pub use timeline::Timeline;
