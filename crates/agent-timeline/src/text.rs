//! The timeline in a terminal.

use std::{collections::BTreeMap, time::Duration};

use agent_core::message::safe_line;

use crate::{
    bar::{Bar, BarKind},
    timeline::Timeline,
};

impl Timeline {
    /// Draws a picture of text, at most `width` columns wide (at least 40). The scale ends with the
    /// last event.
    ///
    /// There is a row for the agent and, nested under it, a row for each of its calls. Each row has
    /// a bar from start to end, all on the same scale. If a call delegated a task, its row is that
    /// of the other agent.
    ///
    /// ```text
    /// orchestrator     |██████████████████████████████|  0.90 s
    ///   adder          |          ██████████          |  0.30 s
    ///     sum_numbers  |               █              |  0.00 s
    ///   divider        |          ██████████          |  0.30 s
    /// ```
    ///
    /// A `░` before a bar shows how much earlier the call could have started if its tool were
    /// marked `read_only`. A last line names these tools and the largest gain of each.
    pub fn to_text(&self, width: usize) -> String {
        self.to_text_on_scale(self.end, width)
    }

    /// Draws the picture on a scale from 0 to `scale`, to compare it with another one. See
    /// [`to_text`](Self::to_text).
    pub fn to_text_on_scale(&self, scale: Duration, width: usize) -> String {
        const AROUND_THE_BAR: usize = " || 1234.56 s".len();
        let width = width.max(40);
        let rows = self.rows();
        let widest = rows.iter().map(|row| row.title.chars().count()).max().unwrap_or(0);
        let titles = widest.min(width / 3);
        let bars = width - titles - AROUND_THE_BAR;
        let mut picture = String::new();
        for Row { title, bar: Bar { end, could_start, .. }, start } in rows {
            let title: String = title.chars().take(titles).collect();
            let drawn = drawn(could_start.unwrap_or(start), start, *end, scale, bars);
            let seconds = end.saturating_sub(start).as_secs_f64();
            picture.push_str(&format!("{title:<titles$} |{drawn}| {seconds:>7.2} s\n"));
        }
        picture
            .extend(self.hint().map(|hint| hint.chars().take(width - 1).chain(['\n']).collect::<String>()));
        picture
    }

    /// The tools that could start earlier if they were marked.
    fn hint(&self) -> Option<String> {
        let mut most: BTreeMap<&str, Duration> = BTreeMap::new();
        for (bar, could) in self.bars.iter().filter_map(|bar| Some((bar, bar.could_start?))) {
            let most = most.entry(&bar.label).or_default();
            *most = bar.run_start().saturating_sub(could).max(*most);
        }
        let tools = most.iter().map(|(tool, by)| format!("{} {:.2} s", safe_line(tool), by.as_secs_f64()));
        let tools: Vec<String> = tools.collect();
        (!tools.is_empty()).then(|| format!("░ earlier, if read_only: {}", tools.join(", ")))
    }

    /// The runs and calls, each under the one it is a part of.
    fn rows(&self) -> Vec<Row<'_>> {
        let mut under: Vec<Vec<usize>> = vec![Vec::new(); self.bars.len()];
        let mut left = Vec::new();
        for (place, bar) in self.bars.iter().enumerate().filter(|(_, bar)| bar.kind != BarKind::Turn) {
            match bar.parent {
                Some(parent) => under[parent].push(place),
                None => left.push((place, 0)),
            }
        }
        left.reverse();
        for calls in &mut under {
            calls.sort_by_key(|&call| (self.bars[call].run_start(), call));
        }
        let mut rows = Vec::new();
        while let Some((place, depth)) = left.pop() {
            let bar = &self.bars[place];
            let title = format!("{:indent$}{}", "", safe_line(&bar.label), indent = 2 * depth);
            rows.push(Row { title, bar, start: bar.run_start() });
            left.extend(under[place].iter().rev().map(|&place| (place, depth + 1)));
        }
        rows
    }
}

struct Row<'b> {
    title: String,
    bar: &'b Bar,
    /// When it began to run. That it waited before is not drawn.
    start: Duration,
}

/// A bar is at least one column wide.
fn drawn(could: Duration, start: Duration, end: Duration, scale: Duration, width: usize) -> String {
    let scale = scale.as_secs_f64().max(f64::MIN_POSITIVE);
    let column = |at: Duration| (at.as_secs_f64() / scale * width as f64).round() as usize;
    let from = column(start).min(width - 1);
    let to = column(end).clamp(from + 1, width);
    let early = column(could).min(from);
    format!(
        "{}{}{}{}",
        " ".repeat(early),
        "░".repeat(from - early),
        "█".repeat(to - from),
        " ".repeat(width - to)
    )
}
