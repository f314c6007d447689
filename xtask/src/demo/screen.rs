//! What a person sees: at most 80 columns, with colours only on a terminal.

use std::{
    io::{IsTerminal, Write, stdout},
    time::Duration,
};

use agent_core::{Event, EventKind, event::EventLog, host::Progress};
use program::{Out, print, println};

pub(super) const WIDTH: usize = 80;

/// Where the demo is shown. Clones show on the same.
#[derive(Clone)]
pub(super) struct Screen {
    shown: bool,
    terminal: bool,
}

impl Screen {
    /// A screen, or none at all.
    pub(super) fn new(shown: bool) -> Self {
        let terminal = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { shown, terminal }
    }

    /// What the demo is, and how its log is read. `reply` is how long a scripted reply takes.
    pub(super) fn introduction(&self, reply: Option<Duration>) {
        match reply {
            Some(reply) => {
                self.line("A server on this machine plays the model. The client asks it over HTTP.");
                self.line(&format!("Each reply takes {:.2} s.", reply.as_secs_f64()));
            }
            None => self.line("A real model is asked."),
        }
        self.line("In the log, > is a call and < its result. Times count from the start of a run.\n");
    }

    pub(super) fn title(&self, text: &str) {
        self.line(&self.painted("1", text));
    }

    pub(super) fn line(&self, text: &str) {
        if self.shown {
            println!("{text}");
        }
    }

    /// A listener that shows events as they happen.
    pub(super) fn log(&self, log: EventLog) -> impl Fn(&Event) + Send + Sync + 'static {
        let screen = self.clone();
        move |event| {
            let Some(line) = log.line(event) else { return };
            let colour = match &event.kind {
                EventKind::CallEnded { is_error: true, .. } | EventKind::TurnFailed { .. } => "31",
                EventKind::CallEnded { .. } => "32",
                EventKind::CallStarted { .. } => "36",
                _ => "0",
            };
            screen.line(&screen.painted(colour, &line));
        }
    }

    /// A progress bar: one line that is drawn over on a terminal, else a line a step.
    pub(super) fn progress(&self, Progress { done, total, .. }: Progress) {
        let bar = format!(
            "[{}{}] {done}/{total} done",
            "█".repeat(done * 40 / total),
            "·".repeat(40 - done * 40 / total)
        );
        match self.terminal && self.shown {
            // The next line of the log is written over it, and it is drawn again below.
            true => {
                print!("{bar}\r");
                // A bar that can't be shown is no reason to stop.
                let _ = Out.flush();
            }
            false => self.line(&bar),
        }
    }

    fn painted(&self, colour: &str, text: &str) -> String {
        match self.terminal {
            // What is left of a longer line, or of a progress bar, is cleared.
            true => format!("\x1b[2K\x1b[{colour}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}
