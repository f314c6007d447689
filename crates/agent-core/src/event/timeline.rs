//! Draws events as a picture, with a bar for each call.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use crate::{Event, EventKind, safe_line};

/// A picture of what ran when, drawn as text. There is a row for the agent and, nested under it, a
/// row for each of its calls. Each row has a bar from start to end, all on the same scale. If a
/// call delegated a task, its row is that of the other agent.
///
/// ```text
/// orchestrator     |██████████████████████████████|  0.90 s
///   adder          |          ██████████          |  0.30 s
///     sum_numbers  |               █              |  0.00 s
///   divider        |          ██████████          |  0.30 s
/// ```
///
/// A `░` before a bar shows how much earlier the call could have started if its tool were marked
/// `read_only`. A last line names these tools and the largest gain of each.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// In the order of their first events.
    rows: Vec<Row>,
    /// By the id of the conversation, or the key of the call. A delegated conversation has the key
    /// of its call.
    places: HashMap<String, usize>,
    /// Rows without a parent.
    roots: Vec<usize>,
    end: Duration,
}

#[derive(Clone, Debug, Default)]
struct Row {
    /// Whether the row has events of its own, and not only rows below it.
    is_told: bool,
    /// The rows below it, in order.
    under: Vec<usize>,
    depth: usize,
    label: String,
    /// When it could have started, if that is earlier than its start.
    could: Option<Duration>,
    start: Duration,
    end: Option<Duration>,
}

impl Timeline {
    /// Makes the timeline of these events, which must be in the order in which they happened.
    /// Events of several runs are possible if their conversations have different ids.
    pub fn new<'e>(events: impl IntoIterator<Item = &'e Event>) -> Self {
        let mut timeline = Self::default();
        for event in events {
            timeline.take(event);
        }
        timeline
    }

    /// The time of the last event.
    pub fn end(&self) -> Duration {
        self.end
    }

    /// Draws the picture, at most `width` columns wide (at least 40). The scale ends with the last
    /// event.
    pub fn render(&self, width: usize) -> String {
        self.render_to(self.end, width)
    }

    /// Draws the picture on a scale from 0 to `scale`, to compare it with another one. See
    /// [`render`](Self::render).
    pub fn render_to(&self, scale: Duration, width: usize) -> String {
        const AROUND_THE_BAR: usize = " || 1234.56 s".len();
        let width = width.max(40);
        let rows = self.in_order();
        let widest = rows.iter().map(|row| safe_line(&row.title()).chars().count()).max().unwrap_or(0);
        let titles = widest.min(width / 3);
        let bars = width - titles - AROUND_THE_BAR;
        let mut picture = String::new();
        for row in rows {
            let title: String = safe_line(&row.title()).chars().take(titles).collect();
            let end = row.end.unwrap_or(self.end);
            let bar = bar(row.could.unwrap_or(row.start), row.start, end, scale, bars);
            // A later run of the same conversation starts again at 0.
            let seconds = end.saturating_sub(row.start).as_secs_f64();
            picture.push_str(&format!("{title:<titles$} |{bar}| {seconds:>7.2} s\n"));
        }
        picture
            .extend(self.hint().map(|hint| hint.chars().take(width - 1).chain(['\n']).collect::<String>()));
        picture
    }

    /// The tools that could start earlier if they were marked.
    fn hint(&self) -> Option<String> {
        let mut most: BTreeMap<&str, Duration> = BTreeMap::new();
        for (row, could) in self.rows.iter().filter_map(|row| Some((row, row.could?))) {
            let most = most.entry(&row.label).or_default();
            *most = row.start.saturating_sub(could).max(*most);
        }
        let tools = most.iter().map(|(tool, by)| format!("{} {:.2} s", safe_line(tool), by.as_secs_f64()));
        let tools: Vec<String> = tools.collect();
        (!tools.is_empty()).then(|| format!("░ earlier, if read_only: {}", tools.join(", ")))
    }

    fn take(&mut self, event: &Event) {
        self.end = self.end.max(event.at);
        let conversation = event.conversation.as_ref();
        self.row(conversation, event.depth, &event.agent, event.at);
        match &event.kind {
            EventKind::CallStarted { id, tool, .. } => {
                self.row(&format!("{conversation}/{id}"), event.depth + 1, tool, event.at);
            }
            EventKind::CallCouldStartEarlier { id, tool, by } => {
                self.row(&format!("{conversation}/{id}"), event.depth + 1, tool, event.at).could =
                    Some(event.at.saturating_sub(*by));
            }
            EventKind::Delegated { to, conversation: child, .. } => {
                self.row(child, event.depth + 1, to, event.at).label = to.clone();
            }
            EventKind::CallEnded { id, tool, .. } => {
                self.row(&format!("{conversation}/{id}"), event.depth + 1, tool, event.at).end =
                    Some(event.at);
            }
            // A conversation with transfers stays one row, which names its agents in order.
            EventKind::Transferred { .. } | EventKind::CameBack { .. } => {
                let row = self.row(conversation, event.depth, &event.agent, event.at);
                row.label = format!("{} > {}", row.label, event.agent);
            }
            EventKind::Ended(_) => {
                self.row(conversation, event.depth, &event.agent, event.at).end = Some(event.at);
            }
            _ => {}
        }
    }

    /// The row of this path. A new row is added last under its parent.
    fn row(&mut self, path: &str, depth: u32, label: &str, at: Duration) -> &mut Row {
        let place = self.places.get(path).copied().unwrap_or_else(|| self.add(path));
        let row = &mut self.rows[place];
        if !row.is_told {
            (row.is_told, row.depth, row.label, row.start) = (true, depth as usize, label.to_owned(), at);
        }
        row
    }

    /// Adds a row for this path, and for its parents if they are missing.
    fn add(&mut self, path: &str) -> usize {
        let place = self.push(path);
        let (mut path, mut under) = (path, place);
        while let Some((parent, _)) = path.rsplit_once('/') {
            let known = self.places.get(parent).copied();
            let above = known.unwrap_or_else(|| self.push(parent));
            self.rows[above].under.push(under);
            if known.is_some() {
                return place;
            }
            (path, under) = (parent, above);
        }
        self.roots.push(under);
        place
    }

    fn push(&mut self, path: &str) -> usize {
        self.rows.push(Row::default());
        self.places.insert(path.to_owned(), self.rows.len() - 1);
        self.rows.len() - 1
    }

    /// The rows in the order of the picture.
    fn in_order(&self) -> Vec<&Row> {
        let mut left: Vec<usize> = self.roots.iter().rev().copied().collect();
        let mut rows = Vec::new();
        while let Some(place) = left.pop() {
            let row = &self.rows[place];
            rows.extend(row.is_told.then_some(row));
            left.extend(row.under.iter().rev());
        }
        rows
    }
}

impl Row {
    fn title(&self) -> String {
        format!("{:indent$}{}", "", self.label, indent = 2 * self.depth)
    }
}

/// A bar is at least one column wide.
fn bar(could: Duration, start: Duration, end: Duration, scale: Duration, width: usize) -> String {
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
