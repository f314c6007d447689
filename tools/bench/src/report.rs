//! What was found: a line a figure, and all of it as JSON.

use program::println;
use serde_json::{Map, Value, json};

use crate::row::Goal;

/// A figure, and what it was made of.
pub(crate) struct Figure {
    pub(crate) key: &'static str,
    pub(crate) what: &'static str,
    pub(crate) goal: Goal,
    pub(crate) value: f64,
    /// ms of CPU a turn, or of wall where no turn was counted.
    pub(crate) ours: f64,
    pub(crate) floor: f64,
}

/// Prints figures as they come, and keeps them.
pub(crate) struct Report {
    figures: Map<String, Value>,
}

impl Report {
    pub(crate) fn begin(pairs: usize) -> Self {
        println!("medians of {pairs}; ours and floor: ms of CPU a turn (start: ms)\n");
        println!(
            "{:<20} {:>9} {:>8} {:>4} {:>9} {:>9}  what",
            "key", "figure", "goal", "met", "ours", "floor"
        );
        Self { figures: Map::new() }
    }

    pub(crate) fn add(&mut self, figure: Figure) {
        let Figure { key, what, goal, value, ours, floor } = figure;
        let met = goal.is_met(value).map_or("", |met| if met { "yes" } else { "NO" });
        let digits = if value < 100.0 { 3 } else { 0 };
        let beside = |ms: f64| if floor == 0.0 { String::new() } else { format!("{ms:.4}") };
        let (ours, floor) = (beside(ours), beside(floor));
        let goal = goal.words();
        println!("{key:<20} {value:>9.digits$} {goal:>8} {met:>4} {ours:>9} {floor:>9}  {what}");
        self.figures.insert(key.to_owned(), json!((value * 1e4).round() / 1e4));
    }

    /// Prints all of them as JSON on the last line, if asked for.
    pub(crate) fn end(self, json: bool) {
        if json {
            println!("\n{}", Value::Object(self.figures));
        }
    }
}
