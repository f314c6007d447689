//! Runs teams of agents on [Restate](https://docs.restate.dev), a durable execution engine. If a
//! machine fails in the middle of a run, another one continues it, and finished steps are not
//! repeated. Your agents, tools and model backends need no change.
//!
//! There are two sides. [`Services`] serves a [`Team`](agent_core::Team) to the engine: run it in
//! every process that should do the work. [`Restate`] is the client: any program can use it to run
//! conversations. A conversation on the engine is a *session*.
//!
//! ```no_run
//! use agent_core::{Agent, Conversation, Team, script::{Reply, Script}};
//! use agent_restate::{Restate, Services};
//! use tokio::net::TcpListener;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let team = Team::new([Agent::builder("oracle", Script::new([Reply::text("Forty-two.")])).build()?])?;
//! tokio::spawn(Services::new(team).serve(TcpListener::bind("127.0.0.1:9080").await?)?);
//! // Register this address with the engine once:
//! // curl localhost:9070/deployments --json '{"uri": "http://127.0.0.1:9080"}'
//!
//! let host = Restate::at("http://127.0.0.1:8080")?;
//! let mut conversation = Conversation::start("oracle", "What is six times seven?").with_id("question-1");
//! assert_eq!(host.run(&mut conversation).await?.text(), "Forty-two.");
//! # Ok(()) }
//! ```
//!
//! | here | on the engine |
//! |---|---|
//! | a session, and each conversation delegated from it | a virtual object of `AgentSession`, whose key is the conversation's id |
//! | a turn of a model | a `ctx.run` in the handler that drives the conversation |
//! | a tool call | an invocation of `AgentTools`, on any machine |
//! | a call that waits for a person | an awakeable |
//! | the permits of a limit on parallel calls | a virtual object of `AgentPermits` |
//! | the accounts of [budgets](agent_core::budget) | a virtual object of `AgentBudget` |
//! | the events of a session, if they are [kept](Services::keep_events) | a virtual object of `AgentEvents` |

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod accounts;
mod admin;
mod allowance;
mod amount;
mod answer;
mod as_sessions;
mod ask_model;
mod ask_paid;
mod budgets;
mod call_limits;
mod children;
mod client;
mod clock;
mod copying;
mod decision;
mod desk;
mod detaching;
mod driving;
mod early_results;
mod engine;
mod error;
mod event_sender;
mod event_store;
mod first_decision;
mod follow;
#[cfg(doctest)]
mod guide;
mod kept_events;
mod kept_turns;
mod keys;
mod ledger;
mod limited_call;
mod listing;
mod merge;
mod names;
mod outbox;
mod paid_task;
mod payload;
mod people;
mod permit_queue;
mod permits;
mod process;
mod purse;
mod refusing;
mod run_result;
mod run_traces;
mod running_work;
mod serve;
mod services;
mod services_error;
mod session;
mod starting;
mod state;
mod step;
mod step_counter;
mod stopped;
mod store;
mod summary;
mod task_event;
mod tools;
mod transport;
mod waits;
mod who_pays;

pub use client::{Invocation, Restate};
pub use error::RestateError;
pub use restate_sdk;
pub use run_result::RunResult;
pub use services::Services;
pub use services_error::ServicesError;
pub use transport::{Sending, Transport};
