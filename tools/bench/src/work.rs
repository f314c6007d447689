//! What the tools do, the same for both sides.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::clock;

/// A call's input.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Input {
    /// The turn.
    pub(crate) turn: usize,
    /// The call's place in it.
    pub(crate) place: usize,
    /// A file.
    pub(crate) path: String,
}

/// What a tool does.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Work {
    /// Nothing: words, at once.
    Instant,
    /// 2 KB, at once.
    Page,
    /// 100 ms of waiting, async.
    Sleep,
    /// 100 ms of waiting on a thread.
    Block,
    /// 100 ms of computing.
    Compute,
    /// 300 ms of waiting, async; the first call 800 ms.
    Uneven,
}

/// When calls ended, and what CPU time the process had used by then.
static ENDS: Mutex<Vec<(Instant, Duration)>> = Mutex::new(Vec::new());

/// All ends so far, in order.
pub(crate) fn ends() -> Vec<(Instant, Duration)> {
    ENDS.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Work {
    /// Does it, async.
    pub(crate) async fn call(self, input: Input) -> String {
        match self {
            Self::Sleep => tokio::time::sleep(Duration::from_millis(100)).await,
            Self::Uneven => {
                let ms = if input.place == 0 { 800 } else { 300 };
                tokio::time::sleep(Duration::from_millis(ms)).await;
            }
            _ => {}
        }
        self.result(&input)
    }

    /// Does it, on a thread that may be held up.
    pub(crate) fn call_blocking(self, input: &Input) -> String {
        let limit = Duration::from_millis(100);
        match self {
            Self::Block => std::thread::sleep(limit),
            Self::Compute => {
                let begun = clock::thread_cpu();
                while clock::thread_cpu() - begun < limit {
                    std::hint::spin_loop();
                }
            }
            _ => {}
        }
        self.result(input)
    }

    fn result(self, input: &Input) -> String {
        if matches!(self, Self::Page | Self::Uneven) {
            let mut ends = ENDS.lock().unwrap_or_else(PoisonError::into_inner);
            ends.push((Instant::now(), clock::cpu()));
        }
        match self {
            Self::Page => "fn main() { println!(\"a line\"); }\n".repeat(58),
            _ => format!("{}: {} lines", input.path, input.turn * 4 + input.place),
        }
    }
}
