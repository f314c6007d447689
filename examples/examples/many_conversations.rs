//! A hundred conversations, at most twenty in parallel: cargo run --example many_conversations
//!
//! Each conversation runs on its own task. They are returned in the order in which they end.

use std::{error::Error, time::Duration};

use agent_core::{
    Agent, Conversation, Team,
    script::{Reply, Script},
};
use futures::StreamExt;
use program::println;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let model = Script::by(|request| {
        let question = request.last_text();
        let pause = Duration::from_millis(20 + 7 * (question.len() as u64 % 10));
        Reply::text(format!("You asked: {question}")).after(pause)
    });
    let team = Team::new([Agent::builder("clerk", model).build()?])?;

    let conversations = (1..=100).map(|number| {
        Conversation::start("clerk", format!("What is {number} squared?")).with_id(format!("run-{number}"))
    });
    let mut many = team.run_many(conversations, 20);
    while let Some(finished) = many.next().await {
        let progress = many.progress();
        if progress.done % 25 == 0 {
            let (id, said) = (finished.conversation.id(), finished.end?.text().to_owned());
            println!("{}/{} done; the last was {id}: {said}", progress.done, progress.total);
        }
    }
    Ok(())
}
