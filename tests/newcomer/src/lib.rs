//! What a newcomer writes from the README and the docs alone, in a package of its own; built by CI.
//!
//! A travel office: the desk asks flights and hotels at once, and hands angry customers over to complaints.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_core::{
    Agent, Block, BoxStream, BuildError, Context, Delta, Json, Llm, LlmError, Message, Outcome, Request,
    StopReason, Team, Tool, ToolSpec, async_trait,
    message::BlockKind,
    model::{LlmErrorKind, Piece},
};
use agent_handoff::Handoff;
use agent_tools::{AgentTool, FnTool};
use futures::{StreamExt, TryFutureExt, stream};
use serde_json::{Value, json};

/// The office, with this many seats left; all its agents think with `clerk`.
pub fn office(clerk: Clerk, seats: u32) -> Result<Team, BuildError> {
    let clerk = Arc::new(clerk);
    let rate = FnTool::new("room_rate", "What a night in a city costs.", async |trip: Trip| {
        match trip.city.as_str() {
            "Oslo" => Ok("A room is 120 a night."),
            other => Err(format!("no hotel in {other}")),
        }
    });
    let desk = Agent::builder("desk", clerk.clone())
        .tool(AgentTool::new("flights", "Books flights."))
        .tool(AgentTool::new("hotels", "Knows hotels."))
        .tools(Handoff::to([("complaints", "Everything about money back.")]).tools());
    Team::new([
        desk.build()?,
        Agent::builder("flights", clerk.clone()).tool(Seats::new(seats)).build()?,
        Agent::builder("hotels", clerk.clone()).tool(rate.read_only()).build()?,
        Agent::builder("complaints", clerk).build()?,
    ])
}

/// Where somebody wants to go.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Trip {
    /// The city, in English.
    city: String,
}

/// A tool with state: each call books one of the seats that are left.
pub struct Seats {
    spec: ToolSpec,
    left: Mutex<u32>,
}

impl Seats {
    /// A plane with this many free seats.
    pub fn new(left: u32) -> Self {
        let schema = schemars::schema_for!(Trip).to_value();
        Self { spec: ToolSpec::new("book_seat", "Books a seat to a city.", schema), left: Mutex::new(left) }
    }

    fn book(&self, trip: &Trip) -> Result<String, String> {
        let mut left = self.left.lock().expect("nothing panics with the lock held");
        *left = left.checked_sub(1).ok_or_else(|| format!("no seat to {} is left", trip.city))?;
        Ok(format!("A seat to {} is booked.", trip.city))
    }
}

#[async_trait]
impl Tool for Seats {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, input: Json, _context: Context) -> Outcome {
        match input.parse() {
            Ok(trip) => self.book(&trip).into(),
            Err(error) => Outcome::error(error.to_string()),
        }
    }
}

/// How long a clerk thinks before each reply.
pub const THINKING: Duration = Duration::from_secs(1);

/// A model backend that follows the office's rules and streams its replies word by word.
#[derive(Default)]
pub struct Clerk {
    /// The agent whose clerk is ill: its requests fail.
    pub ill: Option<&'static str>,
}

impl Llm for Clerk {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let reply = async move {
            tokio::time::sleep(THINKING).await;
            if self.ill == Some(&*request.agent) {
                return Err(LlmError::new(LlmErrorKind::Overloaded, format!("{} is ill", request.agent)));
            }
            Ok(stream::iter(deltas(says(&request), request.messages.len())).map(Ok))
        };
        reply.try_flatten_stream().boxed()
    }
}

enum Reply {
    Words(String),
    Calls(Vec<(&'static str, Value)>),
}

/// What the agent that asks says next.
fn says(request: &Request) -> Reply {
    let asked = request.last_text();
    let results = request.messages.last().map(results).unwrap_or_default();
    match &*request.agent {
        _ if !results.is_empty() => Reply::Words(results.join(" ")),
        "desk" if asked.contains("money") => {
            Reply::Calls(vec![("handoff", json!({"name": "complaints", "reason": "They want money back."}))])
        }
        "desk" => Reply::Calls(vec![("flights", json!({"task": asked})), ("hotels", json!({"task": asked}))]),
        "flights" => Reply::Calls(vec![("book_seat", json!({"city": asked}))]),
        "hotels" => Reply::Calls(vec![("room_rate", json!({"city": asked}))]),
        _ => Reply::Words("We pay it back.".to_owned()),
    }
}

/// The words of the tool results in a message.
fn results(message: &Message) -> Vec<String> {
    let words = |block: &Block| match block.kind() {
        BlockKind::ToolResult { content, is_error: false, .. } => Some(content.to_text()),
        BlockKind::ToolResult { content, .. } => Some(format!("Sorry: {}", content.to_text())),
        _ => None,
    };
    message.content().iter().filter_map(words).collect()
}

/// The reply in pieces; `said` messages came before it, which keeps the ids of its calls apart from theirs.
fn deltas(reply: Reply, said: usize) -> Vec<Delta> {
    let (mut deltas, stop): (Vec<_>, _) = match reply {
        Reply::Words(words) => {
            let words = words.split_inclusive(' ').map(|word| Delta::words(0, word));
            (words.collect(), StopReason::EndTurn)
        }
        Reply::Calls(calls) => {
            let calls = calls.iter().enumerate().flat_map(|(at, (tool, input))| call(at, said, tool, input));
            (calls.collect(), StopReason::ToolUse)
        }
    };
    deltas.push(Delta::stop(stop));
    deltas
}

fn call(index: usize, said: usize, tool: &str, input: &Value) -> Vec<Delta> {
    let input = input.to_string();
    let (left, right) = input.split_at(input.len() / 2);
    let block = Block::tool_use(format!("call_{said}_{index}"), tool, json!({}));
    vec![
        Delta::Block { index, block },
        Delta::Piece { index, piece: Piece::Input(left.to_owned()) },
        Delta::Piece { index, piece: Piece::Input(right.to_owned()) },
        Delta::BlockEnd { index },
    ]
}
