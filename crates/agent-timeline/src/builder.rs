//! Makes a timeline from events, one by one.

mod calls;
mod draft;
mod drafts;
mod reply;
mod runs;
mod texts;
mod turns;

use std::time::Duration;

use agent_core::{Event, EventKind, sessions::SessionEvent};

use self::{
    drafts::Drafts,
    runs::{Place, Runs},
};
use crate::{
    advice,
    bar::{Bar, BarKind},
    critical_path, figures, lane,
    timeline::Timeline,
    what_if::WhatIf,
};

/// Collects events into a [`Timeline`] while a run goes on. It keeps the bars, not the events, so
/// pieces of replies do not add up.
///
/// ```
/// use std::sync::{Arc, Mutex};
///
/// use agent_core::{Agent, script::{Reply, Script}};
/// use agent_timeline::TimelineBuilder;
///
/// let agent = Agent::builder("main", Script::new([Reply::text("Hi.")])).build()?;
/// let builder = Arc::new(Mutex::new(TimelineBuilder::default()));
/// let (listener, mut conversation) = (builder.clone(), agent.start("Hello."));
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let run = agent.run(&mut conversation);
/// run.listen(move |event| listener.lock().expect("no listener panics").push(event)).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// // At any time, also while the run goes on.
/// let timeline = builder.lock().expect("no listener panics").build();
/// assert_eq!(timeline.figures().requests, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct TimelineBuilder {
    drafts: Drafts,
    runs: Runs,
}

impl Timeline {
    /// Makes the timeline of the events of a session, such as a journal keeps. See
    /// [`TimelineBuilder::push_session_event`].
    pub fn of_session<'e>(events: impl IntoIterator<Item = &'e SessionEvent>) -> Self {
        let mut builder = TimelineBuilder::default();
        for event in events {
            builder.push_session_event(event);
        }
        builder.build()
    }

    /// Makes the timeline of these events, which must be in the order in which they happened.
    ///
    /// The events may be of several conversations, of several runs of one conversation, of a run
    /// that was killed in the middle, or only a part of a run. A later run of a conversation is
    /// drawn after the earlier one. If there are no pieces of replies ([`EventKind::Delta`]), each
    /// reply still has its first token, but thinking, retries and waits for a rate limit are not
    /// told apart.
    pub fn new<'e>(events: impl IntoIterator<Item = &'e Event>) -> Self {
        let mut builder = TimelineBuilder::default();
        for event in events {
            builder.push(event);
        }
        builder.build()
    }
}

impl TimelineBuilder {
    /// Adds the next event of a session. So it is known when its run began: how long a person was
    /// waited for between two runs, and how long nobody continued a run that was killed.
    pub fn push_session_event(&mut self, event: &SessionEvent) {
        self.runs.begun(Some(event.run_began));
        self.push(&event.event);
        self.runs.begun(None);
    }

    /// Adds the next event.
    pub fn push(&mut self, event: &Event) {
        let place = self.runs.place(event, &mut self.drafts);
        let at = place.at;
        match &event.kind {
            EventKind::TurnStarted { messages } => self.turn_started(&place, event, messages),
            EventKind::Delta(delta) => self.delta(&place, delta),
            EventKind::TurnEnded { .. } => self.turn_ended(&place, &event.kind),
            EventKind::TurnFailed { error, usage, .. } => self.turn_failed(&place, error, usage),
            EventKind::Transferred { from } | EventKind::CameBack { from, .. } => {
                self.changed_hands(&place, event, from);
            }
            EventKind::TransferFailed { from, why } => {
                self.note(&place, at, &format!("{from} keeps the conversation: {why}"));
            }
            EventKind::CallNotMade { tool, why, .. } => self.note(&place, at, &format!("{tool}: {why}")),
            EventKind::Ended(end) => self.ended(&place, end),
            kind => self.call_event(&place, event, kind),
        }
    }

    /// The timeline of the events so far. What has not ended is drawn up to the last event.
    pub fn build(&self) -> Timeline {
        let mut bars: Vec<Bar> = Vec::new();
        for draft in self.drafts.iter() {
            // What has no end of its own ends with what it is a part of, for example when a call timed out.
            let whole = draft.bar.parent.map(|parent| &bars[parent]).filter(|whole| !whole.is_open);
            let ended = whole.filter(|whole| whole.kind == BarKind::Call).map(|whole| whole.end);
            bars.push(draft.bar_at(ended.unwrap_or(self.runs.last_of(draft.run))));
        }
        let end = bars.iter().map(|bar| bar.end).max().unwrap_or_default();
        sum_up(&mut bars);
        let lanes = lane::assign(&mut bars, end);
        let what_if = WhatIf::new(&bars);
        what_if.find_holders(&mut bars);
        let critical_path = critical_path::of(&bars);
        let figures = figures::of(&bars, &critical_path, end);
        let advice = advice::of(&bars, &what_if, &critical_path, &figures);
        Timeline { lanes, bars, critical_path, figures, advice, end }
    }

    /// The conversation is now with this event's agent.
    fn changed_hands(&mut self, place: &Place, event: &Event, from: &str) {
        let whole = &mut self.drafts[place.whole].bar;
        whole.label = format!("{} > {}", whole.label, event.agent);
        self.note(place, place.at, &format!("{} takes over from {from}", event.agent));
    }

    /// Adds a note to the last turn of the conversation, or else to the whole of it.
    fn note(&mut self, place: &Place, at: Duration, text: &str) {
        let bar = self.runs.last_turn(place).unwrap_or(place.whole);
        self.drafts[bar].note(at, text);
    }

    fn ended(&mut self, place: &Place, end: &agent_core::End) {
        let draft = &mut self.drafts[place.whole];
        if draft.bar.kind == BarKind::Run {
            draft.reopen();
            draft.end(place.at);
            draft.answer(&end.to_string());
            let waits = matches!(end, agent_core::End::Waiting(_));
            draft.bar.is_failed = !waits && !matches!(end, agent_core::End::Answered(_));
            self.runs.end(place, waits);
        }
    }
}

/// Gives each run, and each call that delegated, the usage of all turns within.
fn sum_up(bars: &mut [Bar]) {
    // What is within another bar began after it, so it is done first.
    for place in (0..bars.len()).rev() {
        let (Some(parent), Some(usage)) = (bars[place].parent, bars[place].details.usage) else { continue };
        *bars[parent].details.usage.get_or_insert_default() += usage;
    }
}
