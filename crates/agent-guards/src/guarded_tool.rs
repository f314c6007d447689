//! Guards around a tool.

use std::{sync::Arc, time::Duration};

use agent_core::{
    Content, Context, Conversation, Json, Outcome, Request, Tool, ToolSpec, agent::Rules, async_trait,
};
use serde_json::{Map, Value};

use crate::{
    CallGuard, CallResult, CallVerdict, Output, ProposedCall, ResultGuard, Verdict,
    check::{Named, checked, failed},
    models::{Checked, OutputCheck, blocks_with_text},
};

/// A wrapper around a tool. The tool keeps its spec.
pub(crate) struct GuardedTool {
    pub(crate) tool: Arc<dyn Tool>,
    pub(crate) calls: Vec<Named<dyn CallGuard>>,
    pub(crate) results: Vec<Named<dyn ResultGuard>>,
    pub(crate) output: OutputCheck,
    pub(crate) limit: Option<Duration>,
}

impl GuardedTool {
    /// Each guard checks what the guards before it have made of the input. The `Err` is the outcome
    /// of a call that is not made.
    async fn check_call(&self, call: &mut ProposedCall, context: &Context) -> Result<(), Outcome> {
        let mut question = None;
        for Named { name, guard } in &self.calls {
            let refused = match checked(name, self.limit, async { guard.check(call.clone()).await }).await {
                Ok(CallVerdict::Allow) => continue,
                Ok(CallVerdict::Ask(_)) if call.approved => continue,
                Ok(CallVerdict::Ask(asked)) => {
                    question.get_or_insert(asked);
                    continue;
                }
                Ok(CallVerdict::Replace(input)) if input.parse::<Map<String, Value>>().is_ok() => {
                    context.progress(format!("guard {name:?} replaced the input"));
                    call.input = input;
                    continue;
                }
                Ok(CallVerdict::Replace(_)) => failed(name, "its replacement is not a JSON object"),
                Ok(CallVerdict::Refuse(words)) | Err(words) => words,
            };
            return Err(Outcome::error(refused));
        }
        question.map_or(Ok(()), |question| Err(Outcome::Wait { question }))
    }

    async fn check_result(&self, result: CallResult, context: &Context) -> Outcome {
        let mut result = result;
        for Named { name, guard } in &self.results {
            let refused = match checked(name, self.limit, async { guard.check(result.clone()).await }).await {
                Ok(Verdict::Allow) => continue,
                Ok(Verdict::Replace(content)) => {
                    context.progress(format!("guard {name:?} replaced the result"));
                    result.content = content;
                    continue;
                }
                Ok(Verdict::Refuse(words)) | Err(words) => words,
            };
            return Outcome::error(refused);
        }
        match result.is_error {
            true => Outcome::Error(result.content),
            false => Outcome::Output(result.content),
        }
    }

    /// An answer is what the user reads, so it is checked as output, too. If it is not allowed, the
    /// model reads why and goes on.
    async fn check_answer(&self, answer: Content, context: &Context) -> Outcome {
        let output = Output::of_answer(&answer, context);
        if output.text.trim().is_empty() {
            return Outcome::answer(answer);
        }
        match self.output.check(output).await {
            Checked::Allowed => Outcome::answer(answer),
            Checked::Replaced(text, by) => {
                by.iter().for_each(|name| context.progress(format!("guard {name:?} replaced the answer")));
                match answer {
                    Content::Text(_) => Outcome::answer(text),
                    Content::Blocks(blocks) => Outcome::answer(blocks_with_text(&blocks, text)),
                }
            }
            Checked::Refused(refusal) | Checked::Retry(refusal) => Outcome::error(refusal.explanation),
        }
    }
}

#[async_trait]
impl Tool for GuardedTool {
    fn spec(&self) -> &ToolSpec {
        self.tool.spec()
    }

    async fn call(&self, input: Json, context: Context) -> Outcome {
        let mut call = ProposedCall::new(&self.tool.spec().name, input, &context);
        if let Err(outcome) = self.check_call(&mut call, &context).await {
            return outcome;
        }
        let result = |call, content: Content, is_error| CallResult { call, content, is_error };
        match self.tool.call(call.input.clone(), context.clone()).await {
            Outcome::Output(content) => self.check_result(result(call, content, false), &context).await,
            Outcome::Error(content) => self.check_result(result(call, content, true), &context).await,
            Outcome::Answer { content, .. } => {
                match self.check_result(result(call, content, false), &context).await {
                    Outcome::Output(content) => self.check_answer(content, &context).await,
                    refused => refused,
                }
            }
            // It has no result yet, or never has one.
            other => other,
        }
    }

    fn introduce(&self, conversation: &Conversation, request: Request, rules: &dyn Rules) -> Request {
        self.tool.introduce(conversation, request, rules)
    }
}
