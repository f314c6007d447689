//! What a plan saves: calls that depend on each other, made one a turn, in parallel, and by a plan.

mod shape;
mod team;

use std::time::Duration;

use agent_core::{Conversation, Role, Usage};
use program::println;
use shape::Shape;
use tokio::time::Instant;

use crate::task::{Done, verdict};

/// The most that a plan may take, of the bound.
const WORST: f64 = 1.05;

/// How a model makes its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// One in each reply.
    OneByOne,
    /// All whose inputs are known, in one reply.
    Parallel,
    /// All in one reply, as steps of a plan.
    Plan,
}

/// What a run took.
struct Took {
    turns: usize,
    wall: Duration,
    tokens: Usage,
}

/// Prints the table of docs/plans.md. A plan must come near its bound.
pub(crate) fn run() -> Done {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let (lines, wrong) = runtime.block_on(table())?;
    lines.iter().for_each(|line| println!("{line}"));
    verdict(&format!("\nEach plan takes at most {WORST} of its bound"), &wrong)
}

/// The lines of the table, and what is wrong.
async fn table() -> Result<(Vec<String>, Vec<String>), Box<dyn std::error::Error>> {
    let mut lines = vec![
        "| shape | calls | made | turns | wall | of the bound | input tokens | output tokens |".to_owned(),
        "|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    let mut wrong = Vec::new();
    for shape in shape::all() {
        for way in [Way::OneByOne, Way::Parallel, Way::Plan] {
            let took = carry_out(&shape, way).await?;
            let ratio = took.wall.as_secs_f64() / team::bound(&shape).as_secs_f64();
            lines.push(took.line(&shape, way, ratio));
            if way == Way::Plan && ratio > WORST {
                wrong.push(format!("{}: the plan takes {ratio:.2} of its bound", shape.name));
            }
        }
    }
    Ok((lines, wrong))
}

async fn carry_out(shape: &Shape, way: Way) -> Result<Took, Box<dyn std::error::Error>> {
    let agent = team::agent(shape, way)?;
    let (mut conversation, began): (Conversation, Instant) =
        (agent.start(shape.question.clone()), Instant::now());
    agent.run(&mut conversation).await?;
    let usage = conversation.usage();
    let turns = conversation.messages().iter().filter(|message| message.role() == Role::Assistant).count();
    Ok(Took { turns, wall: began.elapsed(), tokens: usage })
}

impl Took {
    fn line(&self, shape: &Shape, way: Way, ratio: f64) -> String {
        let made = match way {
            Way::OneByOne => "one a turn",
            Way::Parallel => "in parallel",
            Way::Plan => "by a plan",
        };
        let (calls, wall) = (shape.steps.len(), self.wall.as_secs_f64());
        let Usage { input_tokens, output_tokens, .. } = self.tokens;
        let turns = self.turns;
        format!(
            "| {} | {calls} | {made} | {turns} | {wall:.1} s | {ratio:.2} | {input_tokens} | {output_tokens} |",
            shape.name
        )
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_plan_takes_two_turns_and_comes_near_its_bound() {
        let (lines, wrong) = table().await.unwrap();
        assert_eq!(wrong, [""; 0]);
        assert_snapshot!(lines.join("\n"));
    }
}
