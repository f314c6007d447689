//! Conversations: what was said, whose turn it is, and how a run ended.

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
mod call_answer;
mod call_ids;
mod change;
mod check;
mod control;
mod delegation;
mod detached;
mod known_end;
mod next;
mod omissions;
mod plan;
mod planned;
mod record;
mod refused_calls;
mod replied;
mod reserved;
mod results;
mod results_limit;
mod sanitize;
mod skipped;
mod slot;
mod slots;
mod spending;
mod summary;
mod tool_turn;
mod transcript;
mod transfer_record;
mod turn;
mod usage;
mod view;

use std::{collections::BTreeMap, sync::Arc};

pub use approvals::NotWaiting;
use call_answer::CallAnswer;
use call_ids::CallIds;
pub use change::{Change, InvalidChange};
pub use check::{HistoryFault, InvalidConversation, InvalidHistory};
pub use control::Control;
use detached::DetachedCalls;
pub use detached::{ControlTask, detached_message};
pub use omissions::{NothingToTakeBack, Omission, OmissionReason};
pub(crate) use plan::StepReader;
pub use plan::{InvalidPlan, Plan, Step};
use planned::Planned;
pub(crate) use planned::{PlanBeginning, Starting};
use replied::{Container, Replied};
use reserved::{Reservations, Reserved};
pub(crate) use results::not_run_message;
pub(crate) use sanitize::Sanitizer;
use serde::{Deserialize, Serialize};
use skipped::Skipped;
use slot::{Slot, State};
use slots::Slots;
pub use tool_turn::ToolTurn;
use transfer_record::Return;
pub use transfer_record::TransferRecord;
pub use turn::{ModelTurn, Turn};

use crate::{
    Content, DelegationLimits, Json, Message, Role, Spent, StopReason, UsageByAgent,
    message::json::null_is_absent,
};

/// A conversation: its messages, the agent that answers now, and the calls of the last reply that
/// have no result yet. It is the whole state of a run. Serialize it to continue it later. To fork
/// it, clone it and give the clone its own id: `conversation.clone().with_id("…")`. With one id for
/// both, different calls would have the same [key](crate::Context::key).
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
    /// The calls of the last reply, until all of them have results.
    #[serde(default, deserialize_with = "null_is_absent")]
    slots: Slots,
    /// Why the last reply stopped. `None` if the last message is the user's, or has tool results.
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
    /// What was spent when the user last spoke.
    #[serde(default, deserialize_with = "null_is_absent", skip_serializing_if = "Spent::is_nothing")]
    spent_before: Spent,
    #[serde(default, deserialize_with = "null_is_absent", skip_serializing_if = "Reservations::is_nothing")]
    reserved: Reservations,
    #[serde(default, deserialize_with = "null_is_absent")]
    turns: u32,
    /// The turns, since the user spoke, of agents that had the conversation before.
    #[serde(default, deserialize_with = "null_is_absent", skip_serializing_if = "BTreeMap::is_empty")]
    turns_of_others: BTreeMap<Arc<str>, u32>,
    #[serde(default, deserialize_with = "null_is_absent")]
    transfers: u32,
    /// How many messages there were when the user last spoke.
    #[serde(default, deserialize_with = "null_is_absent")]
    said_at: usize,
    /// The limits of the call that delegated this conversation.
    #[serde(
        default,
        alias = "promised",
        deserialize_with = "null_is_absent",
        skip_serializing_if = "DelegationLimits::is_nothing"
    )]
    delegation_limits: DelegationLimits,
    /// The transfers of the conversation, in order.
    #[serde(default, alias = "passages", deserialize_with = "null_is_absent")]
    transfer_records: Vec<TransferRecord>,
    /// The agents to which it returns if the agent that has it fails.
    #[serde(default, deserialize_with = "null_is_absent")]
    returns: Vec<Return>,
    /// The parts that are no longer sent, in the order in which they were left out.
    #[serde(default, alias = "left_out", skip_serializing_if = "Vec::is_empty")]
    omissions: Vec<Omission>,
    /// The results of calls that ended runs, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    call_answers: Vec<CallAnswer>,
    #[serde(default, skip_serializing_if = "DetachedCalls::is_empty")]
    detached: DetachedCalls,
    /// The plan that it carries out. Then its only reply was given, and no model is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    planned: Option<Planned>,
}

impl Conversation {
    /// The id of each conversation until [`with_id`](Self::with_id) sets another one. Hosts that
    /// save conversations refuse this id; see [`check_session_id`].
    pub const DEFAULT_ID: &str = "run";

    /// Makes an empty conversation with this agent. Its id is `run`. To save it on a journal or an
    /// engine, [set its own id](Self::with_id).
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
            spent_before: Spent::default(),
            reserved: Reservations::default(),
            turns: 0,
            turns_of_others: BTreeMap::new(),
            transfers: 0,
            said_at: 0,
            delegation_limits: DelegationLimits::default(),
            transfer_records: Vec::new(),
            returns: Vec::new(),
            omissions: Vec::new(),
            call_answers: Vec::new(),
            detached: DetachedCalls::default(),
            planned: None,
        }
    }

    /// Starts a conversation with this agent. `content` is the user's first message.
    pub fn start(agent: impl Into<Arc<str>>, content: impl Into<Content>) -> Self {
        let mut conversation = Self::new(agent);
        conversation.say(content);
        conversation
    }

    /// Returns the conversation with another id. Give each conversation its own id where ids must
    /// tell them apart: events and [idempotency keys](crate::Context::key) contain it. A
    /// conversation saved on a journal or an engine is a *session* with the same id; see
    /// [`check_session_id`].
    pub fn with_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.rename(id.into());
        self
    }

    /// Adds a message of the user. Calls without a result get an error result, and the counts of
    /// turns and transfers start again at 0. Tool blocks in `content` are left out, because only
    /// models make calls and only runs give results.
    pub fn say(&mut self, content: impl Into<Content>) {
        self.say_as(Role::User, content.into());
    }

    /// Adds instructions that hold from here on, as a message with the role `system`. The agent's
    /// own system prompt stays. If you do not [`say`](Self::say) something after it, the model
    /// answers the instructions. Open calls, counts and tool blocks are treated as by `say`.
    pub fn instruct(&mut self, content: impl Into<Content>) {
        self.say_as(Role::System, content.into());
    }

    fn say_as(&mut self, role: Role, content: Content) {
        let mut blocks = self.close_open_calls();
        if (role != Role::User || !self.detached.untold.is_empty()) && !blocks.is_empty() {
            // Results must be in the next user message.
            self.messages.push(Message::new(Role::User, std::mem::take(&mut blocks)));
        }
        self.tell_now();
        blocks.extend(content.into_blocks().into_iter().filter(|block| !block.is_tool_block()));
        self.said_at = self.messages.len();
        self.messages.push(Message::new(role, blocks));
        self.stop_for_user();
    }

    /// Starts all counts again at 0.
    fn stop_for_user(&mut self) {
        (self.stop, self.stop_details) = (None, None);
        (self.turns, self.transfers) = (0, 0);
        self.spent_before = self.spent();
        self.turns_of_others.clear();
        self.returns.clear();
    }

    /// The id of the conversation. The id of a delegated conversation is the id of the conversation
    /// that delegated it and the id of the call: `run/call_0_1`.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn shared_id(&self) -> &Arc<str> {
        &self.id
    }

    pub(crate) fn shared_agent(&self) -> &Arc<str> {
        &self.agent
    }

    /// The agent that has the conversation: the last one it was transferred to, or the first one.
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// The agent whose model is asked next: [`agent`](Self::agent), or the target of a transfer
    /// that a call has asked for.
    pub fn speaker(&self) -> &str {
        self.transfer().map_or(&self.agent, |(_, transfer)| &transfer.to)
    }

    /// The number of delegations between it and the user: 0 for the user's own conversation.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// All messages, in order. [`reads`](Self::reads) is the part that the model reads.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }
}
