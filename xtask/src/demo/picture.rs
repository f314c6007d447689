//! The picture in the README: the specialists' scenario as an SVG.
//!
//! The run is real, but its models follow the script, and its clock is paused: each reply takes as long as a real model's, and
//! each call of a tool a fixed time. So the same file is drawn each time, and drawing it takes no time.

use std::{error::Error, fs, sync::Arc, time::Duration};

use agent_core::{Context, Conversation, Json, Outcome, Tool, ToolSpec, async_trait, host::Mode};
use agent_timeline::{Comparison, Timeline};
use program::println;

use super::{cast, mock_server, page::builder, specialists::QUESTION};
use crate::task::{Done, root};

/// Where the picture is, from the workspace's root.
const FILE: &str = "docs/timeline.svg";

/// How long a call of a tool takes.
const CALL: Duration = Duration::from_millis(250);

/// Draws the picture again.
pub(crate) fn run() -> Done {
    let path = root().join(FILE);
    fs::write(&path, draw()?).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{FILE} is drawn");
    Ok(())
}

fn draw() -> Result<String, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(async {
        let sequential = perform(Mode::Sequential).await?;
        let parallel = perform(Mode::Concurrent).await?;
        Ok(Comparison::new(("One after the other", &sequential), ("In parallel", &parallel)).to_svg())
    })
}

async fn perform(mode: Mode) -> Result<Timeline, Box<dyn Error>> {
    let team =
        cast::orchestra(mock_server::script())?.wrap_tools(|tool| match tool.spec().targets.is_empty() {
            true => Arc::new(Paced(tool)),
            false => tool,
        });
    let mut conversation = Conversation::start("orchestrator", QUESTION);
    let (timeline, listener) = builder();
    team.run(&mut conversation).mode(mode).listen(listener).await?;
    let timeline = timeline.lock().expect("the listener does not panic");
    Ok(timeline.build())
}

/// A tool whose calls take time.
struct Paced(Arc<dyn Tool>);

#[async_trait]
impl Tool for Paced {
    fn spec(&self) -> &ToolSpec {
        self.0.spec()
    }

    async fn call(&self, input: Json, context: Context) -> Outcome {
        tokio::time::sleep(CALL).await;
        self.0.call(input, context).await
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{FILE, draw};
    use crate::task::root;

    #[test]
    fn the_picture_in_the_docs_is_the_one_that_is_drawn() {
        let kept = fs::read_to_string(root().join(FILE)).unwrap();
        assert!(kept == draw().unwrap(), "{FILE} is not what is drawn now: run `cargo xtask picture`");
    }
}
