//! Tools whose calls wait for a person.

use std::{fmt, sync::Arc};

use agent_core::{
    Context, Conversation, Json, Outcome, Request, Tool, ToolSpec, agent::Rules, async_trait,
    message::safe_line,
};

/// A wrapper around a tool: its calls wait until a person approves them.
///
/// The run makes the other calls of the reply, and then ends with
/// [`End::Waiting`](agent_core::End), which has a question and a key for each call that waits.
/// Approve the call by its key, or deny it, and run the conversation again. An approved call is
/// made; of a denied call the model reads the reason. The decision may come much later and in
/// another process, if you save the conversation: as JSON, or with agent-journal or agent-restate.
/// It may also come while the run goes on, through
/// [`Run::decisions`](agent_core::Run::decisions) or a journal: then the call is made at once.
///
/// The person is also asked about inputs that the tool will refuse. To ask only about inputs that
/// fit the schema, put `Validated` (feature `validate`) around the `NeedsApproval`:
/// `Validated::new(NeedsApproval::new(tool))?`.
///
/// ```
/// use agent_core::{Agent, End, script::{Reply, Script}};
/// use agent_tools::{FnTool, NeedsApproval};
/// # #[derive(serde::Deserialize, schemars::JsonSchema)]
/// # struct Payment { to: String }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let model = Script::new([Reply::call("pay", serde_json::json!({"to": "Ada"})), Reply::text("Done.")]);
/// let pay = FnTool::new("pay", "Pays somebody.", |payment: Payment| Ok::<_, String>(format!("paid {}", payment.to)));
/// let agent = Agent::builder("clerk", model).tool(NeedsApproval::new(pay)).build()?;
///
/// let mut conversation = agent.start("Pay Ada.");
/// let End::Waiting(calls) = agent.run(&mut conversation).await? else { panic!("it waits") };
/// assert_eq!(calls[0].question, r#"May "pay" be called with {"to":"Ada"}?"#);
///
/// // Meanwhile the conversation can be kept as JSON.
/// conversation.approve(&calls[0].key)?;
/// assert_eq!(agent.run(&mut conversation).await?.text(), "Done.");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct NeedsApproval {
    tool: Arc<dyn Tool>,
    spec: ToolSpec,
    question: Box<Question>,
}

/// What the person is asked about a call with this input.
type Question = dyn Fn(&ToolSpec, &Json) -> String + Send + Sync;

impl NeedsApproval {
    /// Wraps a tool. The question for the person names the tool and has the whole input, on one
    /// line.
    pub fn new(tool: impl Tool + 'static) -> Self {
        let question = |spec: &ToolSpec, input: &Json| {
            // The person reads all of it, on one line: the model may have put in line feeds to move some out of sight.
            format!("May {:?} be called with {}?", spec.name, safe_line(input.text()))
        };
        let mut spec = tool.spec().clone();
        spec.needs_approval = true;
        Self { tool: Arc::new(tool), spec, question: Box::new(question) }
    }

    /// Sets the function that makes the question from the call's input. The question may have
    /// several lines. It may contain what the model wrote, because it is
    /// [escaped](agent_core::message::safe_lines) before a person reads it.
    pub fn question(self, question: impl Fn(&Json) -> String + Send + Sync + 'static) -> Self {
        Self { question: Box::new(move |_, input| question(input)), ..self }
    }
}

#[async_trait]
impl Tool for NeedsApproval {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, input: Json, context: Context) -> Outcome {
        match context.approved() {
            true => self.tool.call(input, context).await,
            false => Outcome::Wait { question: (self.question)(&self.spec, &input) },
        }
    }

    fn introduce(&self, conversation: &Conversation, request: Request, rules: &dyn Rules) -> Request {
        self.tool.introduce(conversation, request, rules)
    }
}

impl fmt::Debug for NeedsApproval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NeedsApproval").field("tool", &self.spec.name).finish_non_exhaustive()
    }
}
