//! Scenario 1: one agent, several calls in one reply.

use std::{error::Error, sync::Arc, sync::Mutex};

use agent_core::{Conversation, Event, EventKind, event::EventLog};
use agent_timeline::Timeline;

use super::{Stage, cast, figures::Scenario, screen::WIDTH};

const QUESTION: &str = "What are 17 + 25 + 58, 12 * 34, 1 / 0, and the square root of 1764?";

pub(super) async fn play(stage: &Stage) -> Result<Scenario, Box<dyn Error>> {
    stage.screen.title("1. One agent makes four calls in one reply. One fails, and the others finish");
    stage.screen.line(&format!("   user: {QUESTION}"));
    let team = cast::calculator(stage.claude.clone())?;
    let mut conversation = Conversation::start("calculator", QUESTION);
    let (events, listener) = recorder();
    let run = team.run(&mut conversation).listen(listener).listen(stage.screen.log(EventLog::new(WIDTH)));
    run.await?;
    let events = events.lock().expect("the listener does not panic");
    let calls = events.iter().filter(|event| matches!(event.kind, EventKind::CallStarted { .. })).count();
    stage.screen.line("");
    Ok(Scenario::ParallelCalls { calls, total: Timeline::new(events.iter()).end() })
}

/// A listener that keeps all events but the pieces of replies.
pub(super) fn recorder() -> (Arc<Mutex<Vec<Event>>>, impl Fn(&Event) + Send + Sync + 'static) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let kept = events.clone();
    let listener = move |event: &Event| {
        if !matches!(event.kind, EventKind::Delta(_)) {
            kept.lock().expect("a listener does not panic").push(event.clone());
        }
    };
    (events, listener)
}
