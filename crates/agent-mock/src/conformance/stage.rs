//! A backend, and the server that it asks.

use std::{io, sync::Arc};

use agent_core::{Llm, script::Reply};

use super::case::{Case, Expected, NUMBER, Needs};
use crate::{Mock, RecordedRequest, Scenario};

/// Where the backends come from.
pub(super) enum Subject {
    /// By the URL of a server.
    Http(Box<dyn Fn(String) -> Arc<dyn Llm> + Send + Sync>),
    /// By the replies that they give.
    Scripted(Box<dyn Fn(Vec<Reply>) -> Arc<dyn Llm> + Send + Sync>),
}

/// A backend for one case.
pub(super) struct Stage {
    pub(super) llm: Arc<dyn Llm>,
    /// Without one, the backend has the replies.
    pub(super) server: Option<Mock>,
}

/// Why a case does not run.
pub(super) enum NoStage {
    NotApplicable(&'static str),
    Io(io::Error),
}

impl Subject {
    /// A backend for this case. With [`Needs::Server`] and more there is a server.
    pub(super) async fn stage(&self, case: &Case) -> Result<Stage, NoStage> {
        match self {
            Self::Scripted(_) if case.needs >= Needs::Server => {
                Err(NoStage::NotApplicable("it needs a backend that asks a server"))
            }
            Self::Scripted(backend) => {
                let error = case.scripted_error().map(Reply::error);
                let replies = error.into_iter().chain(case.replies.iter().cloned());
                Ok(Stage { llm: backend(replies.collect()), server: None })
            }
            Self::Http(backend) => {
                let server = Mock::start(scenario(case)).await.map_err(NoStage::Io)?;
                Ok(Stage { llm: backend(server.url()), server: Some(server) })
            }
        }
    }
}

/// What the server plays.
fn scenario(case: &Case) -> Scenario {
    let replies = case.replies.clone();
    let scenario = match &case.expected {
        Expected::Run { .. } => Scenario::new(replies),
        Expected::Parallel(_) => Scenario::by(|request| Reply::text(number(&request.text))),
        _ => Scenario::by(move |_| replies[0].clone()),
    };
    let scenario = scenario.fault(0, case.fault.clone());
    case.context.into_iter().fold(scenario, Scenario::context)
}

/// What a request says of its number, to the next full stop.
fn number(body: &str) -> &str {
    let said = body.find(NUMBER).map_or("no number.", |at| &body[at..]);
    said.split_inclusive('.').next().unwrap_or(said)
}

impl Stage {
    /// The requests that the server has received. None without a server.
    pub(super) fn requests(&self) -> Vec<Arc<RecordedRequest>> {
        self.server.as_ref().map(Mock::requests).unwrap_or_default()
    }

    /// How many requests there were, as far as that is known.
    pub(super) fn count(&self) -> Option<usize> {
        self.server.as_ref().map(Mock::count)
    }
}
