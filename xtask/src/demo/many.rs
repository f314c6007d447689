//! Scenario 3: ten conversations in parallel.

use std::{error::Error, time::Instant};

use agent_core::{Conversation, event::EventLog};
use futures::StreamExt;

use super::{Stage, cast, figures::Scenario, mock_server, screen::WIDTH};

const CONVERSATIONS: usize = 10;

pub(super) async fn play(stage: &Stage) -> Result<Scenario, Box<dyn Error>> {
    stage.screen.title("3. Ten conversations in parallel");
    let team = cast::calculator(stage.claude.clone())?;
    let conversations = (1..=CONVERSATIONS).map(|number| {
        let question = format!("What is {} squared?", 10 + number);
        Conversation::start("calculator", question).with_id(format!("user-{number}"))
    });
    let began = Instant::now();
    let many = team.run_many(conversations, CONVERSATIONS);
    let mut many = many.listen(stage.screen.log(EventLog::new(WIDTH).with_ids()));
    while let Some(finished) = many.next().await {
        finished.end?;
        stage.screen.progress(many.progress());
    }
    let total = began.elapsed();
    let all = format!("   {CONVERSATIONS} conversations took {:.2} s together", total.as_secs_f64());
    let one = stage.speed.map(|speed| mock_server::latency(speed) * 2);
    let one = one.map(|one| format!("; one alone takes {:.2} s", one.as_secs_f64())).unwrap_or_default();
    stage.screen.title(&format!("{all}{one}."));
    stage.screen.line("");
    Ok(Scenario::ManyConversations { conversations: CONVERSATIONS, total })
}
