//! Starts the chat: cargo run -p chat
//!
//! It is at http://127.0.0.1:3000, or at the address that is given (`-- 127.0.0.1:8080`). Without a
//! key, a scripted model answers. Look at the page while it does: words and the progress of the
//! tool's call come as they happen. Close the page in the middle, and open it again.

use std::{env, error::Error, net::SocketAddr, sync::Arc, time::Duration};

use agent_core::{
    Agent, Context, Llm,
    script::{Reply, Script},
};
use agent_llm::Claude;
use agent_tools::FnTool;
use chat::chat;
use clap::Parser;
use program::println;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tokio::{net::TcpListener, time::sleep};

/// A chat with an agent, as a web page
#[derive(Parser)]
struct Options {
    /// The address of the page
    #[arg(default_value = "127.0.0.1:3000")]
    address: SocketAddr,
}

#[derive(Deserialize, JsonSchema)]
struct Search {
    /// What to look for.
    words: String,
}

/// Plays a search that takes a while.
async fn search(Search { words }: Search, context: Context) -> String {
    for shelf in 1..=4 {
        context.progress(format!("shelf {shelf} of 4"));
        sleep(Duration::from_millis(700)).await;
    }
    format!("Two books about {words:?}.")
}

/// Plays a model: it searches, and then says what it found.
fn scripted() -> Script {
    Script::by(|request| {
        let has_result = request.messages.last().is_some_and(|last| last.content()[0].is_tool_block());
        let reply = if has_result {
            Reply::text(
                "I found two books. The first one is short and easy to read; the second one is long, and \
                 has pictures. Ask me something else. Or press Stop while I write. Or close the page and \
                 open it again: I go on meanwhile.",
            )
        } else {
            let input = json!({"words": request.last_text()});
            Reply::text("Let me look that up.").and_call("search", input)
        };
        reply.per_token(Duration::from_millis(120))
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Options { address } = Options::parse();
    let model: Arc<dyn Llm> = match env::var_os("ANTHROPIC_API_KEY") {
        Some(_) => Arc::new(Claude::from_env()?),
        None => {
            println!("There is no ANTHROPIC_API_KEY: a scripted model answers.");
            Arc::new(scripted())
        }
    };
    let search = FnTool::new("search", "Searches the library.", search).read_only();
    let agent = Agent::builder("librarian", model).system("You help in a library.").tool(search).build()?;

    let listener = TcpListener::bind(address).await?;
    println!("The chat is at http://{}", listener.local_addr()?);
    axum::serve(listener, chat(agent)).await?;
    Ok(())
}
