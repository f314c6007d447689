//! The handoff as a tool.

use agent_core::{
    Block, Context, Conversation, Json, Outcome, Request, Tool, ToolSpec, agent::Rules, async_trait,
    conversation::TransferRecord, message::InvalidJson, tool::Transfer,
};
use serde::Deserialize;
use serde_json::json;

use crate::{HistoryFilter, MixedTurn, OnFailure};

/// What [`Handoff`](crate::Handoff) sets for its tools.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) mixed_turn: MixedTurn,
    pub(crate) on_failure: OnFailure,
    pub(crate) reads: HistoryFilter,
    pub(crate) at_most: Option<u32>,
    pub(crate) repeats: u32,
}

impl Default for Settings {
    fn default() -> Self {
        let (mixed_turn, on_failure, reads) = Default::default();
        Self { mixed_turn, on_failure, reads, at_most: None, repeats: 1 }
    }
}

/// A tool whose calls hand the conversation over.
pub(crate) struct HandoffTool {
    spec: ToolSpec,
    /// The only agent it leads to; `None` if the call names one.
    target: Option<String>,
    /// The agents that a failed call names to the model.
    available: Vec<String>,
    settings: Settings,
}

/// The input of a call. A field that is `null` counts as absent.
#[derive(Deserialize)]
struct HandoffInput {
    name: Option<String>,
    reason: Option<String>,
}

/// The description of the field `reason`. The field is not required: without it the call still says
/// which agent.
const REASON: &str = "Why this agent is the right one, and what it needs to know.";

impl HandoffTool {
    /// `handoff {name, reason}`; the reason may be missing.
    pub(crate) fn to_any(targets: &[(String, String)], settings: &Settings) -> Self {
        let names: Vec<String> = targets.iter().map(|(name, _)| name.clone()).collect();
        let mut description = "Hands the conversation over to another agent, which answers the user \
            from then on. Use it when one of these is better suited:"
            .to_owned();
        for (name, what_for) in targets {
            description.push_str(&format!("\n- {name}: {what_for}"));
        }
        let schema = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "enum": names, "description": "The agent."},
                "reason": {"type": "string", "description": REASON},
            },
            "required": ["name"],
        });
        Self::new(ToolSpec::new("handoff", description, schema), None, names.clone(), names, settings)
    }

    /// `transfer_to_AGENT {reason}`; the reason may be missing.
    pub(crate) fn to_one(name: &str, what_for: &str, available: &[String], settings: &Settings) -> Self {
        let description = format!(
            "Hands the conversation over to {name}, which answers the user from then on. {name}: {what_for}"
        );
        let schema = json!({
            "type": "object",
            "properties": {"reason": {"type": "string", "description": REASON}},
        });
        let spec = ToolSpec::new(format!("transfer_to_{name}"), description, schema);
        Self::new(spec, Some(name.to_owned()), vec![name.to_owned()], available.to_vec(), settings)
    }

    fn new(
        mut spec: ToolSpec,
        target: Option<String>,
        targets: Vec<String>,
        available: Vec<String>,
        settings: &Settings,
    ) -> Self {
        spec.runs_first = settings.mixed_turn == MixedTurn::HandoffFirst;
        spec.idempotent = true;
        spec.transfers = true;
        spec.targets = targets;
        Self { spec, target, available, settings: settings.clone() }
    }

    fn read(&self, input: &Json) -> Result<(String, Option<String>), InvalidJson> {
        let HandoffInput { name, reason } = input.parse()?;
        let missing =
            || InvalidJson { pointer: "/name".to_owned(), message: "missing field `name`".to_owned() };
        let name = self.target.clone().or(name).ok_or_else(missing)?;
        Ok((name, reason.filter(|reason| !reason.trim().is_empty())))
    }

    fn failed(&self, why: &str) -> String {
        format!("Handoff failed: {why}. Available agents: [{}]", self.available.join(", "))
    }
}

#[async_trait]
impl Tool for HandoffTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, input: Json, context: Context) -> Outcome {
        let to = match self.read(&input) {
            Ok((name, _)) if !self.available.contains(&name) => {
                return Outcome::error(self.failed(&format!("there is no agent named {name:?}")));
            }
            Ok((name, _)) if name == context.agent() => {
                return Outcome::error(self.failed(&format!("you are {name} yourself")));
            }
            Ok((name, _)) => name,
            Err(error) => return Outcome::error(self.failed(&format!("invalid input: {error}"))),
        };
        let transfer = Transfer::new(to, self.failed("{why}"))
            .comes_back(self.settings.on_failure == OnFailure::Return)
            .repeats(self.settings.repeats);
        Outcome::Transfer(match self.settings.at_most {
            Some(most) => transfer.at_most(most),
            None => transfer,
        })
    }

    fn introduce(&self, conversation: &Conversation, mut request: Request, rules: &dyn Rules) -> Request {
        let Some(TransferRecord { from, at, call: Some(call), .. }) = conversation.transfer_to_speaker()
        else {
            return request;
        };
        let (before, since) = conversation.reads_around(at);
        // There is nothing before the handoff if a summary stands for it.
        let before = match before.is_empty() {
            true => before,
            false => self.settings.reads.view(conversation, rules, &before),
        };
        request.messages = [before, since].concat();
        // The reply that handed over stands before the results. If it is not sent any more, neither is what it says.
        let is_left_out = at.checked_sub(2).is_some_and(|reply| conversation.is_omitted(reply));
        let why = match self.read(&call.input) {
            Ok((_, Some(reason))) if !is_left_out => format!(", who said why: {reason}"),
            _ => ".".to_owned(),
        };
        request.system.push(Block::text(format!(
            "You have taken over this conversation from {from}{why}\n\
             The user does not see this. Go on from where the conversation is."
        )));
        request
    }
}
