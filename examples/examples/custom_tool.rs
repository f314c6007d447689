//! Your own tool type, with a spec and one method: cargo run --example custom_tool
//!
//! `FnTool` makes a tool from a function. Your own type can have state, and its calls can do more
//! than return a result: delegate to another agent, or ask a person, as here.

use std::error::Error;

use agent_core::{
    Agent, Context, End, Json, Outcome, Tool, ToolSpec, async_trait,
    script::{Reply, Script},
};
use program::println;
use serde_json::json;

struct DeleteFile(ToolSpec);

#[async_trait]
impl Tool for DeleteFile {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, input: Json, context: Context) -> Outcome {
        match context.approved() {
            true => Outcome::output(format!("deleted (key {})", context.key())),
            false => Outcome::Wait { question: format!("Shall I delete {}?", input.text()) },
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let schema = json!({"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]});
    let tool = DeleteFile(ToolSpec::new("delete_file", "Deletes a file.", schema));
    let model = Script::new([
        Reply::call("delete_file", json!({"path": "notes.txt"})),
        Reply::text("notes.txt is gone."),
    ]);
    let agent = Agent::builder("janitor", model).tool(tool).build()?;

    let mut conversation = agent.start("Delete my notes.");
    let End::Waiting(calls) = agent.run(&mut conversation).await? else { panic!("the call waits") };
    println!("The agent asks: {}  (You say yes.)", calls[0].question);
    conversation.approve(&calls[0].key)?;
    println!("{}", agent.run(&mut conversation).await?.text());
    println!("\nThe record:\n{conversation}");
    Ok(())
}
