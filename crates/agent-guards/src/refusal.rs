//! Refusals by guards, as replies and as ends of runs.

use agent_core::{Block, End, Json, Response, StopReason, Usage};
use serde::{Deserialize, Serialize};

/// A refusal by a guard, in the end of a run.
///
/// A run ends with [`End::Refused`] if a guard refuses what the model would read or what it said.
/// The details of that end are a `GuardRefusal` if a guard refused, and the API's own details if
/// the model did. The words are also the text of the refused reply, so a person sees them.
///
/// For the conversation it is as if the model had refused: the record keeps the exchange, later
/// requests leave it out (unless the agent has
/// [`resend_refused`](agent_core::AgentBuilder::resend_refused)), a delegation gets an error result,
/// and a handoff fails or comes back.
///
/// ```
/// # use agent_core::{Agent, End, script::{Reply, Script}, Team};
/// # use agent_guards::{GuardRefusal, Guards, Input, Judgement};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let team = Team::new([Agent::builder("guide", Script::new([Reply::text("So…")])).build()?])?;
/// # let guards = Guards::new().input("topic", |_: Input| async { Ok(Judgement::refuse("Only about Oslo.")) });
/// # let mut conversation = agent_core::Conversation::start("guide", "Tell me about Rome.");
/// let end = guards.around(team).run(&mut conversation).await?;
/// let refusal = GuardRefusal::of(&end).expect("the guard refused");
/// assert_eq!((&*refusal.guard, &*refusal.explanation), ("topic", "Only about Oslo."));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardRefusal {
    /// The guard's name.
    pub guard: String,
    /// What the guard refused.
    pub refused: Refused,
    /// The guard's words.
    pub explanation: String,
}

/// What a guard refused.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// What the model was about to read.
    Input,
    /// What the model said.
    Output,
}

/// The details of the reply's stop reason. The fields `type`, `category` and `explanation` are
/// those of the Messages API.
#[derive(Serialize, Deserialize)]
struct Details {
    #[serde(rename = "type")]
    kind: Kind,
    category: Category,
    #[serde(flatten)]
    refusal: GuardRefusal,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Refusal,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Category {
    Guard,
}

impl GuardRefusal {
    /// Reads the refusal from the end of a run; `None` if no guard refused.
    pub fn of(end: &End) -> Option<Self> {
        let End::Refused(Some(details)) = end else { return None };
        details.parse::<Details>().ok().map(|details| details.refusal)
    }

    pub(crate) fn new(guard: &str, refused: Refused, explanation: String) -> Self {
        Self { guard: guard.to_owned(), refused, explanation }
    }

    /// The reply that says so, in the place of the model's.
    pub(crate) fn into_reply(self, usage: Usage) -> Response {
        let mut reply = Response::new(vec![Block::text(&self.explanation)], StopReason::Refusal);
        let details = Details { kind: Kind::Refusal, category: Category::Guard, refusal: self };
        reply.stop_details = Some(Json::of(&details).expect("its fields are texts"));
        reply.with_usage(usage)
    }
}
