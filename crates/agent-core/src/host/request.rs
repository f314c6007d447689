//! Builds the request of the agent that speaks next.

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{
    Conversation, Failure, LlmError, LlmErrorKind, Message, PreviousReply, Request, RequestParts, Rules,
    RunError, Team, TransferRecord, message::without_tool_blocks::without_tool_blocks,
    model::request::meter::MeterOf, panic_message::panic_message,
};

impl Team {
    /// Builds the request of the agent that speaks next. Fails with [`RunError::UnknownAgent`] if
    /// the agent is not in the team, and with [`RunError::Model`] if a tool's
    /// [`introduce`](crate::Tool::introduce) panicked.
    pub fn request(&self, conversation: &Conversation) -> Result<Request, RunError> {
        let name = conversation.speaker();
        let Some(agent) = self.agent(name) else {
            return Err(RunError::UnknownAgent { agent: name.to_owned(), agents: self.agents().join(", ") });
        };
        let whole =
            if agent.resend_refused() { conversation.with_refused() } else { Cow::Borrowed(conversation) };
        let conversation = &*whole;
        let request = RequestParts {
            agent: agent.shared_name(),
            conversation: conversation.shared_id().clone(),
            depth: conversation.depth(),
            system: agent.system().to_vec(),
            messages: conversation.reads(),
            places: Vec::new(),
            turns: conversation.turns_of(conversation.speaker()),
            previous_reply: None,
            tools: agent.specs().clone(),
            server_tools: agent.server_tools().clone(),
            container: conversation.container().map(str::to_owned),
            max_tokens: agent.max_tokens(),
            answer_schema: None,
            extra: agent.extra().clone(),
            meter: MeterOf::default(),
        };
        let mut request = self.introduced(conversation, request.into())?;
        request.places = conversation.places_of(&request.messages);
        if let Some(last) = request.messages.last_mut() {
            *last = last.without_space_at_end();
        }
        let has_tools = !request.tools.is_empty() || !request.server_tools.is_empty();
        if !has_tools {
            without_tool_blocks(&mut request.messages);
        }
        request.previous_reply = previous_reply(conversation, &request.messages);
        Ok(request)
    }

    /// After a transfer, the tool that led to it decides what the agent reads.
    fn introduced(&self, conversation: &Conversation, request: Request) -> Result<Request, Failure> {
        let Some(TransferRecord { from, call: Some(call), .. }) = conversation.transfer_to_speaker() else {
            return Ok(request);
        };
        let Some(tool) = self.agent(&from).and_then(|agent| agent.tool(&call.name)) else {
            return Ok(request);
        };
        // A tool is foreign code. A panic in it must not end the run.
        let introduce = AssertUnwindSafe(|| tool.introduce(conversation, request, self));
        catch_unwind(introduce).map_err(|panic| {
            let why = format!("what {:?} lets it read panicked: {}", call.name, panic_message(&*panic));
            let error = LlmError::new(LlmErrorKind::NotAsked, why);
            Failure { agent: conversation.speaker().to_owned(), error }
        })
    }

    /// Checks that the agent that has the conversation is in the team. Fails with
    /// [`RunError::UnknownAgent`] if the agent is missing. Don't continue such a conversation with
    /// this team: another process whose team has the agent can still make its calls.
    /// [`LocalHost`](crate::host::LocalHost) checks this before each turn.
    pub fn check_agent(&self, conversation: &Conversation) -> Result<(), RunError> {
        self.check_name(conversation.agent())
    }

    /// Checks that the agent with this name is in the team.
    pub(crate) fn check_name(&self, agent: &str) -> Result<(), RunError> {
        match self.agent(agent) {
            Some(_) => Ok(()),
            None => Err(RunError::UnknownAgent { agent: agent.to_owned(), agents: self.agents().join(", ") }),
        }
    }
}

/// Finds the last reply in the messages of a request.
fn previous_reply(conversation: &Conversation, messages: &[Message]) -> Option<PreviousReply> {
    let (response, reply) = conversation.last_reply()?;
    let place = messages.iter().rposition(|message| message.ptr_eq(reply))?;
    Some(PreviousReply { response: response.clone(), messages: place + 1, reply: reply.clone() })
}
