//! An event of a session, with its place among the others.

use std::time::SystemTime;

use crate::Event;

/// An event of a session, as the place that keeps it returns it.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionEvent {
    /// The place of the event in its session. The first is greater than 0, and each later event has
    /// a greater one, whatever process runs the session. There may be gaps.
    pub offset: u64,
    /// When the run began that the event belongs to. Events with the same value are of one run of
    /// one process. If the value changes, another run goes on, for example because the first was
    /// killed.
    pub run_began: SystemTime,
    /// The event. The time in it ([`Event::at`]) is since the run began.
    pub event: Event,
}

impl SessionEvent {
    /// When it happened.
    pub fn time(&self) -> SystemTime {
        self.run_began + self.event.at
    }
}
