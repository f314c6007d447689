//! What the models say that the server plays.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{wire::Wire, written::Written};

/// What an agent's model says: some turns of tool calls, then words. Its name is the first part of the path it is
/// asked at.
pub(crate) struct Plot {
    pub(crate) name: &'static str,
    /// Turns with calls; one more has the last words.
    pub(crate) turns: usize,
    /// Calls a turn.
    pub(crate) calls: usize,
    /// Before each reply.
    pub(crate) latency: Duration,
    /// Before each block of a streamed reply.
    pub(crate) per_block: Duration,
}

/// The plots there are.
pub(crate) const PLOTS: &[Plot] = &[
    plot("fan", 1, 16, 0, 0),
    plot("pair", 1, 2, 0, 0),
    plot("eager", 1, 8, 0, 100),
    plot("turns", 9, 4, 0, 0),
    plot("many", 3, 1, 500, 0),
    plot("long", 200, 1, 0, 0),
    plot("boss", 1, 8, 100, 0),
    plot("worker", 2, 1, 100, 0),
    plot("words", 0, 0, 0, 0),
];

/// The tool that is called, unless the agent gives work to others.
pub(crate) const TOOL: &str = "work";

/// The last words.
pub(crate) const END: &str = "All of it is done, and this is what came of it.";

const fn plot(name: &'static str, turns: usize, calls: usize, latency: u64, per_block: u64) -> Plot {
    let (latency, per_block) = (Duration::from_millis(latency), Duration::from_millis(per_block));
    Plot { name, turns, calls, latency, per_block }
}

/// What a model says in a reply, whatever API it is written for.
pub(crate) enum Said {
    /// Words.
    Words(&'static str),
    /// A call.
    Call { id: String, name: String, input: Value },
}

impl Said {
    pub(crate) fn is_call(&self) -> bool {
        matches!(self, Self::Call { .. })
    }
}

impl Plot {
    /// The plot of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        PLOTS.iter().find(|plot| plot.name == name)
    }

    /// All its replies, as this API writes them.
    pub(crate) fn write(&self, wire: Wire) -> Vec<Written> {
        (0..=self.turns).map(|turn| Written::new(wire, turn, &self.says(turn))).collect()
    }

    /// A call's id has the turn, which is how the server knows where a conversation stands.
    fn says(&self, turn: usize) -> Vec<Said> {
        if turn == self.turns {
            return vec![Said::Words(END)];
        }
        let call = |place: usize| {
            let id = format!("toolu_{turn}_{place}");
            let (name, input) = match self.name {
                "boss" => (format!("worker_{place}"), json!({"task": "Do your part."})),
                _ => (TOOL.to_owned(), json!({"turn": turn, "place": place, "path": "src/lib.rs"})),
            };
            Said::Call { id, name, input }
        };
        (0..self.calls).map(call).collect()
    }
}
