//! Scenario 2: an orchestrator with three specialists, one after the other and then in parallel.

use std::{error::Error, time::Duration};

use agent_core::{Conversation, Event, EventKind, event::EventLog, host::Mode};
use agent_timeline::Timeline;

use super::{
    Stage, cast,
    figures::Scenario,
    mock_server, page,
    parallel::recorder,
    screen::{Screen, WIDTH},
};

pub(super) const QUESTION: &str = "Area and diagonal of a field of 30 m by 40 m? 8,000 at 5 % for 2 years? Mean and \
    mean square of 4, 8, 15, 16, 23, 42?";

pub(super) async fn play(stage: &Stage) -> Result<Scenario, Box<dyn Error>> {
    stage.screen.title("2. An orchestrator gives work to three specialists");
    stage.screen.line(&format!("   user: {}", QUESTION.replace("? ", "?\n         ")));
    let sequential = perform(stage, Mode::Sequential, "   First one after the other:").await?;
    let concurrent = perform(stage, Mode::Concurrent, "   Then in parallel:").await?;
    let longest_chain = stage.speed.map(mock_server::longest_chain);
    let scenario = Scenario::AgentsAsTools {
        sequential: sequential.calls,
        concurrent: concurrent.calls,
        longest_chain,
        sequential_total: sequential.timeline.end(),
        concurrent_total: concurrent.timeline.end(),
    };
    compare(&stage.screen, &sequential, &concurrent, longest_chain);
    if stage.page {
        page::show(&stage.screen, &sequential.whole, &concurrent.whole)?;
    }
    Ok(scenario)
}

/// What came of one run.
struct Performance {
    /// The agents, for the screen.
    timeline: Timeline,
    /// All turns and calls, for the page.
    whole: Timeline,
    /// From the first of the orchestrator's calls starting to the last of them ending.
    calls: Duration,
}

async fn perform(stage: &Stage, mode: Mode, title: &str) -> Result<Performance, Box<dyn Error>> {
    stage.screen.line(title);
    let team = cast::orchestra(stage.claude.clone())?;
    let mut conversation = Conversation::start("orchestrator", QUESTION);
    let (events, listener) = recorder();
    let (whole, builder) = page::builder();
    let run = team.run(&mut conversation).mode(mode).listen(listener).listen(builder);
    run.listen(stage.screen.log(EventLog::new(WIDTH))).await?;
    stage.screen.line("");
    let events = events.lock().expect("the listener does not panic");
    // A row for each agent. What the specialists call stands in the log.
    let timeline = Timeline::new(events.iter().filter(|event| event.depth == 0));
    let whole = whole.lock().expect("the listener does not panic").build();
    Ok(Performance { calls: span_of_calls(&events), timeline, whole })
}

fn span_of_calls(events: &[Event]) -> Duration {
    let own = || events.iter().filter(|event| event.depth == 0);
    let start = own().find(|event| matches!(event.kind, EventKind::CallStarted { .. }));
    let end = own().rfind(|event| matches!(event.kind, EventKind::CallEnded { .. }));
    start.zip(end).map(|(start, end)| end.at - start.at).unwrap_or_default()
}

fn compare(screen: &Screen, sequential: &Performance, concurrent: &Performance, bound: Option<Duration>) {
    let scale = sequential.timeline.end().max(concurrent.timeline.end());
    for (title, performance) in
        [("   One after the other:", sequential), ("   In parallel, on the same scale:", concurrent)]
    {
        screen.title(title);
        screen.line(&performance.timeline.to_text_on_scale(scale, WIDTH));
    }
    let seconds = |duration: Duration| format!("{:.2} s", duration.as_secs_f64());
    let (slow, fast) = (sequential.calls.as_secs_f64(), concurrent.calls.as_secs_f64());
    screen.title("   The specialists' work, from the first call's start to the last call's end:");
    screen.line(&format!("     one after the other   {:>8}", seconds(sequential.calls)));
    screen.line(&format!("     in parallel           {:>8}", seconds(concurrent.calls)));
    screen.line(&saved(slow, fast));
    if let Some(bound) = bound {
        screen.line(&format!(
            "     at the very least     {:>8}   (the replies of the slowest specialist)",
            seconds(bound)
        ));
    }
    screen.line("");
}

/// What it saves to work in parallel; in words, if a real model called nobody.
fn saved(slow: f64, fast: f64) -> String {
    let when = match (slow > 0.0, fast > 0.0) {
        (true, true) => {
            let (saved, times) = ((1.0 - fast / slow) * 100.0, slow / fast);
            return format!("     saved                 {saved:>6.0} %   ({times:.2} times as fast)");
        }
        (false, false) => "The model",
        (false, true) => "One after the other, the model",
        (true, false) => "In parallel, the model",
    };
    format!("     {when} called no specialist, so there is nothing to compare.")
}
