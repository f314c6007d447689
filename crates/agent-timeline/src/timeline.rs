//! The timeline as data.

use std::time::Duration;

use serde::Serialize;

use crate::{
    advice::Advice, bar::Bar, bar::Details, critical_path::Step, escape::escape, figures::Figures,
    lane::Lane, milliseconds,
};

/// What ran when in a run, or in several, computed from their events; what made it take that long,
/// and what to change.
///
/// [`Timeline::new`] makes it. [`to_html`](Self::to_html) is a page for a browser,
/// [`to_text`](Self::to_text) a picture for a terminal, [`to_svg`](Self::to_svg) one for a document,
/// [`to_chrome_trace`](Self::to_chrome_trace) a file for other viewers, and
/// [`to_json`](Self::to_json) the data.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Timeline {
    pub(crate) lanes: Vec<Lane>,
    pub(crate) bars: Vec<Bar>,
    pub(crate) critical_path: Vec<Step>,
    pub(crate) figures: Figures,
    pub(crate) advice: Vec<Advice>,
    #[serde(rename = "end_ms", with = "milliseconds")]
    pub(crate) end: Duration,
}

impl Timeline {
    /// The lanes, in the order in which they are drawn.
    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// The runs, turns and calls, in the order in which they began.
    pub fn bars(&self) -> &[Bar] {
        &self.bars
    }

    /// The chain of turns and calls that decided how long the run took, in order. Each step waited
    /// for the one before it. If a step gets faster, so does the run, until another chain is the
    /// longest. With several runs it is the chain of the one that ended last.
    pub fn critical_path(&self) -> &[Step] {
        &self.critical_path
    }

    /// The figures: times, tokens, cost.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// What to change to make the run faster. What gains most comes first.
    pub fn advice(&self) -> &[Advice] {
        &self.advice
    }

    /// The time of the last event.
    pub fn end(&self) -> Duration {
        self.end
    }

    /// The data as JSON, which a page can draw (`page.draw` in [`page::JS`](crate::page::JS)).
    ///
    /// It is an object with `lanes`, `bars`, `critical_path`, `figures`, `advice` and `end_ms`.
    /// Times are numbers of milliseconds. The text contains no `<`, `>`, `&` and no character that
    /// changes the reading direction: it can stand inside a `<script>` as it is.
    pub fn to_json(&self) -> String {
        let json = serde_json::to_string(self).expect("all keys are strings, and nothing in it can fail");
        escape(&json)
    }

    /// Leaves out all texts of users, models and tools: what was asked and answered, errors and
    /// notes. Names, times, tokens and costs stay. Use it before you give a page to others.
    pub fn without_texts(mut self) -> Self {
        for bar in &mut self.bars {
            let Details { asked, answered, error, notes, .. } = &mut bar.details;
            asked.clear();
            answered.clear();
            *error = error.take().map(|_| "(left out)".to_owned());
            notes.clear();
        }
        self
    }
}
