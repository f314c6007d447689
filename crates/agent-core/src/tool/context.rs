//! What a tool call knows of where it runs.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::{
    Call, EventKind, Receipt, ToolCall,
    event::emitter::{Emitter, Origin},
};

/// Where a tool call runs: whose call it is, and whether it is still wanted.
#[derive(Clone, Debug)]
pub struct Context {
    pub(crate) call: Arc<Call>,
    pub(crate) receipt: Receipt,
    /// Cancelled when the run is over.
    pub(crate) run: Arc<CancellationToken>,
    /// None for a call by hand: nobody listens.
    pub(crate) emitter: Option<Arc<Emitter>>,
}

impl Context {
    /// A context for calling a tool by hand, as in its tests.
    pub fn by_hand(call_id: impl Into<String>) -> Self {
        let input = serde_json::json!({}).into();
        let call = Call {
            conversation: "by-hand".into(),
            depth: 0,
            agent: "nobody".into(),
            call: ToolCall { id: call_id.into(), name: "by-hand".to_owned(), input }.into(),
            place: 0,
            approved: false,
        };
        let (receipt, run) = (Receipt::default(), Arc::default());
        Self { call: call.into(), receipt, run, emitter: None }
    }

    /// The conversation's id, which is also its path: `run/call_0_1`.
    pub fn conversation(&self) -> &str {
        &self.call.conversation
    }

    /// The agent that makes the call.
    pub fn agent(&self) -> &str {
        &self.call.agent
    }

    /// The id of the call.
    pub fn call_id(&self) -> &str {
        &self.call.call.id
    }

    /// A key that stays the same when the call is made again after a crash: the conversation's id
    /// and the call's. It is as unique as the former; see
    /// [`Conversation::with_id`](crate::Conversation).
    pub fn key(&self) -> String {
        format!("{}/{}", self.conversation(), self.call_id())
    }

    /// Whether a person has allowed this call, after an [`Outcome::Wait`](crate::Outcome::Wait).
    pub fn approved(&self) -> bool {
        self.call.approved
    }

    /// Tells the run's listeners how the call gets on, as [`EventKind::CallProgress`]; the model
    /// does not read it. Of what is told faster than it is read, the newest is kept.
    pub fn progress(&self, text: impl Into<String>) {
        if let Some(emitter) = &self.emitter {
            let ToolCall { id, name, .. } = &*self.call.call;
            emitter.emit(Origin::of(&self.call), || EventKind::CallProgress {
                id: id.clone(),
                tool: name.clone(),
                text: text.into(),
                dropped: 0,
            });
        }
    }

    /// Whether the call's result is no longer wanted. Async calls are simply dropped; a blocking
    /// function should look here from time to time, since nothing else can stop it.
    pub fn cancelled(&self) -> bool {
        !self.receipt.is_wanted() || self.run.is_cancelled()
    }
}
