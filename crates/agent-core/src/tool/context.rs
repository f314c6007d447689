//! What a tool call knows about its surroundings.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::{
    Call, EventKind, MissingValue, Receipt, Request, ToolCall,
    event::{
        emitter::{Emitter, Origin},
        named,
    },
    model::request::meter::MeterOf,
    tool::{pays::Pays, values::Values},
    tool_spec::Need,
};

/// What a tool call knows about its surroundings: the agent and the conversation that make the
/// call, the id of the call, whether its result is still wanted, and the values that belong to the
/// run.
#[derive(Clone, Debug)]
pub struct Context {
    pub(crate) call: Arc<Call>,
    pub(crate) receipt: Receipt,
    /// Cancelled when the run is over.
    pub(crate) run: Arc<CancellationToken>,
    pub(crate) values: Values,
    /// `None` for a call by hand, which has no listeners.
    pub(crate) emitter: Option<Arc<Emitter>>,
    /// Pays if the call asks a model. `None` for a call by hand.
    pub(crate) payer: Option<Arc<dyn Pays>>,
}

impl Context {
    /// Makes a context for calling a tool directly, for example in a test.
    pub fn by_hand(call_id: impl Into<String>) -> Self {
        let input = serde_json::json!({}).into();
        let call = Call {
            conversation: "by-hand".into(),
            depth: 0,
            agent: "nobody".into(),
            call: ToolCall { id: call_id.into(), name: "by-hand".to_owned(), input }.into(),
            place: 0,
            approved: false,
            may_detach: false,
        };
        let (receipt, run) = (Receipt::default(), Arc::default());
        Self { call: call.into(), receipt, run, values: Values::default(), emitter: None, payer: None }
    }

    /// Gives a value to the call, as [`Run::with`](crate::Run::with) gives it to all calls of a
    /// run. It is for calling a tool directly, and for a tool around another one.
    pub fn with<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.values.add(value);
        self
    }

    /// The value of this type that was given with the run; `None` if none was. The type is exactly
    /// the one that was given: after `.with(Arc::new(db))`, it is `Arc<Db>`.
    ///
    /// If the tool can't work without the value, say so in its spec
    /// ([`ToolSpec::needs`](crate::ToolSpec::needs)) and read the value with [`need`](Self::need).
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.values.get()
    }

    /// The value of this type that was given with the run, as [`get`](Self::get), for a tool that
    /// can't work without it. It can fail only if the tool's spec does not
    /// [list](crate::ToolSpec::needs) the type, or if the tool is called outside a run.
    ///
    /// ```
    /// # use agent_core::{Context, tool::MissingValue};
    /// struct User { id: u64 }
    ///
    /// fn orders(context: &Context) -> Result<String, MissingValue> {
    ///     let user = context.need::<User>()?;
    ///     Ok(format!("the orders of user {}", user.id))
    /// }
    ///
    /// assert_eq!(orders(&Context::by_hand("call").with(User { id: 7 }))?, "the orders of user 7");
    /// assert!(orders(&Context::by_hand("call")).is_err());
    /// # Ok::<(), MissingValue>(())
    /// ```
    pub fn need<T: Send + Sync + 'static>(&self) -> Result<&T, MissingValue> {
        let missing = || self.values.missing(self.agent(), &self.call.call.name, Need::of::<T>());
        self.get().ok_or_else(missing)
    }

    /// The id of the conversation. The id of a delegated conversation is the id of the conversation
    /// that delegated it and the id of the call: `run/call_0_1`.
    pub fn conversation(&self) -> &str {
        &self.call.conversation
    }

    /// The number of delegations between the user and the conversation: 0 for the user's own.
    pub fn depth(&self) -> u32 {
        self.call.depth
    }

    /// The name of the agent that makes the call.
    pub fn agent(&self) -> &str {
        &self.call.agent
    }

    /// The id of the call.
    pub fn call_id(&self) -> &str {
        &self.call.call.id
    }

    /// A key for the call that stays the same if the call is made again after a crash. Use it as an
    /// idempotency key. The key is the id of the conversation and the id of the call, joined by
    /// `/`. So give each conversation a unique id with
    /// [`Conversation::with_id`](crate::Conversation::with_id).
    pub fn key(&self) -> String {
        format!("{}/{}", self.conversation(), self.call_id())
    }

    /// Whether a person has approved this call, after an [`Outcome::Wait`](crate::Outcome::Wait).
    pub fn approved(&self) -> bool {
        self.call.approved
    }

    /// Reports the progress of the call to the run's listeners, as [`EventKind::CallProgress`]. The
    /// model does not read the report. If [`Run::next`](crate::Run::next) reads slower than reports
    /// come, only the newest report of the call is kept.
    pub fn progress(&self, text: impl Into<String>) {
        if let Some(emitter) = &self.emitter {
            emitter.emit(Origin::of(&self.call), || {
                let (id, tool) = named(&self.call.call);
                EventKind::CallProgress { id, tool, text: text.into().into(), dropped: 0 }
            });
        }
    }

    /// Makes this call pay for a request to a model, before the request is sent. The budgets of the
    /// run reserve what it may use. What it has used is in the
    /// [usage](crate::Conversation::usage_by_agent) of the conversation, as of the agent that makes
    /// the call, when the outcome of the call is recorded. On an engine, budgets know it only then.
    ///
    /// The backend must be that of an [agent](crate::Agent::llm) or be
    /// [`Metered`](crate::model::Metered). Prepare each request anew: one that is sent twice counts
    /// as one with two attempts. A call [by hand](Self::by_hand) pays for nothing.
    pub fn pay_for(&self, mut request: Request) -> Request {
        let call = &self.call;
        request.agent = (&*call.agent).into();
        request.conversation = (&*call.conversation).into();
        request.depth = call.depth;
        request.meter = match (&self.payer, &self.emitter) {
            (Some(payer), Some(emitter)) => payer.meter(call, emitter, &self.receipt),
            _ => MeterOf::default(),
        };
        request
    }

    /// Whether the result of the call is no longer wanted. An async call need not check this,
    /// because its future is dropped. A blocking function should check it from time to time,
    /// because nothing else can stop the function.
    pub fn cancelled(&self) -> bool {
        !self.receipt.is_wanted() || self.run.is_cancelled()
    }
}
