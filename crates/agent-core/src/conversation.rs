//! A conversation: what was said, whose turn it is, and how it ended.

pub(crate) mod delegation_limits;
pub(crate) mod end;
pub(crate) mod limits;
pub(crate) mod outcome;
pub(crate) mod rules;
pub(crate) mod session_id;
pub(crate) mod work;

pub use end::{End, Failure, PendingApproval};
pub use session_id::{SessionIdError, check_session_id};
pub use work::{Call, Delegation, Work};

mod answer;
mod approvals;
mod call_ids;
mod change;
mod check;
mod delegation;
mod next;
mod omissions;
mod refused_calls;
mod results;
mod results_limit;
mod sanitize;
mod slot;
mod slots;
mod summary;
mod tool_turn;
mod transcript;
mod transfer_record;
mod turn;
mod usage;
mod view;

use std::{collections::BTreeMap, sync::Arc};

pub use approvals::NotWaiting;
use call_ids::CallIds;
pub use change::{Change, InvalidChange};
pub use check::InvalidConversation;
pub use omissions::{NothingToTakeBack, Omission, OmissionReason};
pub(crate) use results::not_run_message;
pub(crate) use sanitize::Sanitizer;
use serde::{Deserialize, Serialize};
use slot::{Slot, State};
use slots::Slots;
pub use tool_turn::ToolTurn;
use transfer_record::Return;
pub use transfer_record::TransferRecord;
pub use turn::{ModelTurn, Turn};

use crate::{
    Content, DelegationLimits, Json, Message, Role, StopReason, ToolCall, UsageByAgent,
    message::json::null_is_absent,
};

/// A conversation: the messages, who speaks, and what is still to be done for the last reply. It is
/// the only state of a run. Clone it to fork it, serialise it to go on another day.
///
/// ```
/// use agent_core::{
///     Block, Content, Conversation, Outcome, Response, StopReason, Team, conversation::Turn,
/// };
/// # use agent_core::{Agent, script::Script};
/// # let agent = Agent::builder("weather", Script::new([])).build()?;
/// # let team = Team::new([agent])?;
/// let mut conversation = Conversation::start("weather", "Is it raining in Oslo?");
///
/// let Turn::Model(turn) = conversation.turn(&team) else { panic!("the model is asked first") };
/// let call = Block::tool_use("call_1", "look_outside", serde_json::json!({"city": "Oslo"}));
/// turn.answer(Ok(Response::new(vec![call], StopReason::ToolUse)))?;
///
/// let Turn::Tools(mut turn) = conversation.turn(&team) else { panic!("then the tool runs") };
/// turn.record("call_1", Outcome::output("It pours.").into());
///
/// let Turn::Model(turn) = conversation.turn(&team) else { panic!("and the model reads the result") };
/// turn.answer(Ok(Response::text("Take an umbrella.")))?;
/// assert_eq!(conversation.text(), "Take an umbrella.");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Conversation {
    id: Arc<str>,
    agent: Arc<str>,
    #[serde(default, deserialize_with = "null_is_absent")]
    depth: u32,
    messages: Vec<Message>,
    #[serde(skip)]
    call_ids: CallIds,
    /// The calls of the reply that is still open; empty once their results are in the messages.
    #[serde(default, deserialize_with = "null_is_absent")]
    slots: Slots,
    /// Why the last reply stopped; `None` when the last word is the user's or the tools'.
    #[serde(default)]
    stop: Option<StopReason>,
    #[serde(default)]
    stop_details: Option<Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    container: Option<Container>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replied: Option<Replied>,
    #[serde(default, deserialize_with = "null_is_absent")]
    usage: UsageByAgent,
    #[serde(default, deserialize_with = "null_is_absent")]
    turns: u32,
    /// The turns that others have had since the user spoke, which had the conversation before.
    #[serde(default, deserialize_with = "null_is_absent", skip_serializing_if = "BTreeMap::is_empty")]
    turns_of_others: BTreeMap<Arc<str>, u32>,
    #[serde(default, deserialize_with = "null_is_absent")]
    transfers: u32,
    /// How many messages there were when the user spoke last.
    #[serde(default, deserialize_with = "null_is_absent")]
    said_at: usize,
    /// The limits of the call that led to it.
    #[serde(
        default,
        alias = "promised",
        deserialize_with = "null_is_absent",
        skip_serializing_if = "DelegationLimits::is_nothing"
    )]
    delegation_limits: DelegationLimits,
    /// How the conversation changed hands, in order.
    #[serde(default, alias = "passages", deserialize_with = "null_is_absent")]
    transfer_records: Vec<TransferRecord>,
    /// Where it comes back to if the agent that has it fails.
    #[serde(default, deserialize_with = "null_is_absent")]
    returns: Vec<Return>,
    /// What is not sent any more, in the order in which that was decided.
    #[serde(default, alias = "left_out", skip_serializing_if = "Vec::is_empty")]
    omissions: Vec<Omission>,
}

/// Where the server ran tools of its own for an agent: what they left there is there for the next
/// ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Container {
    agent: Arc<str>,
    id: String,
}

/// The last reply, if it was recorded as the server wrote it: the server may still hold what was
/// said up to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Replied {
    agent: Arc<str>,
    /// The server's id of the reply.
    id: Arc<str>,
    /// How many messages there were before it.
    at: usize,
}

impl Conversation {
    /// The id of a conversation that was given none. Hosts that keep conversations refuse it: see
    /// [`check_session_id`].
    pub const DEFAULT_ID: &str = "run";

    /// A conversation with this agent in which nothing was said yet. Its id is `run`, which is for
    /// one that is not kept by its id: on a journal, or an engine, give it one of its own
    /// ([`with_id`](Self::with_id)).
    pub fn new(agent: impl Into<Arc<str>>) -> Self {
        Self {
            id: Self::DEFAULT_ID.into(),
            agent: agent.into(),
            depth: 0,
            messages: Vec::new(),
            call_ids: CallIds::default(),
            slots: Slots::default(),
            stop: None,
            stop_details: None,
            container: None,
            replied: None,
            usage: UsageByAgent::default(),
            turns: 0,
            turns_of_others: BTreeMap::new(),
            transfers: 0,
            said_at: 0,
            delegation_limits: DelegationLimits::default(),
            transfer_records: Vec::new(),
            returns: Vec::new(),
            omissions: Vec::new(),
        }
    }

    /// A conversation with this agent that begins with what the user says.
    pub fn start(agent: impl Into<Arc<str>>, content: impl Into<Content>) -> Self {
        let mut conversation = Self::new(agent);
        conversation.say(content);
        conversation
    }

    /// The same conversation under another id, which events and idempotency keys carry: give each a
    /// different one where these must be told apart. On a journal, or an engine, it is the
    /// session's: [`check_session_id`] says which ids these take.
    pub fn with_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.rename(id.into());
        self
    }

    /// Delegated conversations go along: their ids are the paths to them.
    fn rename(&mut self, id: Arc<str>) {
        for Slot { call, state } in self.slots.iter_mut() {
            if let State::Delegated(child) = state {
                child.rename(format!("{id}/{}", call.id).into());
            }
        }
        self.id = id;
    }

    /// The user says something. Calls that are still open are closed with an error result, and the
    /// counts of turns and transfers start anew. Tool blocks in `content` are left out: calls are
    /// made by models, and their results come from runs.
    pub fn say(&mut self, content: impl Into<Content>) {
        self.say_as(Role::User, content.into());
    }

    /// Instructions from here on, as a message of the role `system`: for what changes in the middle
    /// of a conversation, where the agent's own system prompt stays. Say something after it as a
    /// rule, else the model answers the instructions. All else is as in [`say`](Self::say).
    pub fn instruct(&mut self, content: impl Into<Content>) {
        self.say_as(Role::System, content.into());
    }

    fn say_as(&mut self, role: Role, content: Content) {
        let mut blocks = self.close_open_calls();
        if role != Role::User && !blocks.is_empty() {
            // Results stand in a message of the user's.
            self.messages.push(Message::new(Role::User, std::mem::take(&mut blocks)));
        }
        blocks.extend(content.into_blocks().into_iter().filter(|block| !block.is_tool_block()));
        self.said_at = self.messages.len();
        self.messages.push(Message::new(role, blocks));
        self.stop_for_user();
    }

    /// What went before is over, and all counts begin anew.
    fn stop_for_user(&mut self) {
        (self.stop, self.stop_details) = (None, None);
        (self.turns, self.transfers) = (0, 0);
        self.turns_of_others.clear();
        self.returns.clear();
    }

    /// The id; of a delegated conversation also its path: `run/call_0_1`.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn shared_id(&self) -> Arc<str> {
        self.id.clone()
    }

    /// The agent that has the conversation.
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// The agent whose model is asked next: the one that has the conversation, or the one it is
    /// about to go over to.
    pub fn speaker(&self) -> &str {
        self.transfer().map_or(&self.agent, |(_, transfer)| &transfer.to)
    }

    /// How many delegations it is away from the user; 0 for the user's own.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// The container that tools of the server ran in for the agent that speaks next; its next
    /// request names it.
    pub fn container(&self) -> Option<&str> {
        let container = self.container.as_ref().filter(|container| *container.agent == *self.speaker())?;
        Some(&container.id)
    }

    /// The last reply, and the server's id of it, if the agent that speaks next wrote it and it
    /// stands here as it came.
    pub(crate) fn last_reply(&self) -> Option<(&Arc<str>, &Message)> {
        let replied = self.replied.as_ref().filter(|replied| *replied.agent == *self.speaker())?;
        Some((&replied.id, self.messages.get(replied.at)?))
    }

    /// The record: all messages, in order.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The calls of the last reply that have no result yet, in order. After [`End::Cut`] and
    /// [`End::Refused`] these are the calls that were not made, and that will not be.
    pub fn open_calls(&self) -> impl Iterator<Item = &Arc<ToolCall>> {
        self.slots.iter().filter(|slot| !slot.is_done()).map(|slot| &slot.call)
    }
}
