//! The tool with which a model gives its answer, if its API has no format for answers.

use agent_core::{Block, Json, Request, ToolSpec};

/// The tool of one request. No code runs for it: its input is the answer.
#[derive(Clone)]
pub(super) struct AnswerTool {
    pub(super) name: String,
}

impl AnswerTool {
    /// Adds the tool to a request. Its name is one that no other tool of the request has.
    pub(super) fn add_to(request: &mut Request, schema: &Json) -> Self {
        let is_taken = |name: &str| request.tools.iter().any(|spec| spec.name == name);
        let mut name = "final_answer".to_owned();
        while is_taken(&name) {
            name.push('_');
        }
        let this = Self { name };
        let prompt = format!(
            "Give your final answer by calling the tool `{}`, alone and once, when you need no other \
             tool any more. Do not write the answer as text.",
            this.name
        );
        request.system.push(Block::text(prompt));
        let tools = request.tools.iter().cloned().chain([this.spec(schema)]);
        request.tools = tools.collect();
        this
    }

    /// Whether a block is a call of this tool.
    pub(super) fn is_called_by(&self, block: &Block) -> bool {
        block.as_tool_use().is_some_and(|call| call.name == self.name)
    }

    /// Leaves the request only this tool.
    pub(super) fn leave_alone(&self, request: &mut Request) {
        let own: Vec<ToolSpec> =
            request.tools.iter().filter(|spec| spec.name == self.name).cloned().collect();
        request.tools = own.into();
    }

    fn spec(&self, schema: &Json) -> ToolSpec {
        ToolSpec::new(&self.name, "Gives the final answer. The input is the answer.", schema.clone())
    }
}
