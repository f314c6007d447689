//! Scenario 4: a handoff that works out, and one that does not.

use std::{error::Error, time::Instant};

use agent_core::{Conversation, event::EventLog};

use super::{Stage, cast, figures::Scenario, screen::WIDTH};

pub(super) async fn play(stage: &Stage) -> Result<Scenario, Box<dyn Error>> {
    stage.screen.title("4. An agent hands the conversation over to another one");
    let began = Instant::now();
    let by_day = run(stage, cast::DESK, "I paid 78.00 for three months at 19.50. Why?").await?;
    stage.screen.line("   If the other agent fails, the first one reads why and answers itself:");
    let by_night = run(stage, cast::NIGHT_DESK, "The app does not start.").await?;
    Ok(Scenario::Handoffs { answered_by: [by_day, by_night], total: began.elapsed() })
}

/// Who had the conversation in the end.
async fn run(stage: &Stage, desk: &str, question: &str) -> Result<String, Box<dyn Error>> {
    stage.screen.line(&format!("   user: {question}"));
    let team = cast::office(stage.claude.clone(), desk)?;
    let mut conversation = Conversation::start("desk", question);
    team.run(&mut conversation).listen(stage.screen.log(EventLog::new(WIDTH))).await?;
    stage.screen.line("");
    Ok(conversation.agent().to_owned())
}
