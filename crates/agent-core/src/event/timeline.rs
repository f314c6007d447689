//! Events as a picture: a bar a call.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use crate::{Event, EventKind, safe_line};

/// What ran when: a row for the agent and, nested under it, one for each of its calls, with a bar
/// from start to end, all on one scale. A call that another agent does is that agent's row.
///
/// ```text
/// orchestrator     |██████████████████████████████|  0.90 s
///   adder          |          ██████████          |  0.30 s
///     sum_numbers  |               █              |  0.00 s
///   divider        |          ██████████          |  0.30 s
/// ```
///
/// A call that could have started earlier, were its tool marked as read-only, has `░` from then on;
/// a last line says which tools those are, and how much earlier it was at most.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// In the order they came.
    rows: Vec<Row>,
    /// By the conversation's id, or the call's place in it; they are the same for a delegation.
    places: HashMap<String, usize>,
    /// Those that stand under no other.
    roots: Vec<usize>,
    end: Duration,
}

#[derive(Clone, Debug, Default)]
struct Row {
    /// Whether anything was told of it, and not only of what stands under it.
    is_told: bool,
    /// What stands under it, in order.
    under: Vec<usize>,
    depth: usize,
    label: String,
    /// When it could have started, if that is earlier.
    could: Option<Duration>,
    start: Duration,
    end: Option<Duration>,
}

impl Timeline {
    /// The timeline of these events, in the order they happened; of several runs, if their
    /// conversations have different ids.
    pub fn new<'e>(events: impl IntoIterator<Item = &'e Event>) -> Self {
        let mut timeline = Self::default();
        for event in events {
            timeline.take(event);
        }
        timeline
    }

    /// When the last event happened.
    pub fn end(&self) -> Duration {
        self.end
    }

    /// The picture, at most `width` columns wide (at least 40), on a scale from 0 to its own end.
    pub fn render(&self, width: usize) -> String {
        self.render_to(self.end, width)
    }

    /// The picture on a scale from 0 to `scale`, to be held beside another one.
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
            // A later run of the same conversation counts from 0 again.
            let seconds = end.saturating_sub(row.start).as_secs_f64();
            picture.push_str(&format!("{title:<titles$} |{bar}| {seconds:>7.2} s\n"));
        }
        picture
            .extend(self.hint().map(|hint| hint.chars().take(width - 1).chain(['\n']).collect::<String>()));
        picture
    }

    /// Which tools a mark would let start earlier.
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
            // A conversation that changes hands stays one row, which names them in turn.
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

    /// The row of this path; a new one stands last under its parent.
    fn row(&mut self, path: &str, depth: u32, label: &str, at: Duration) -> &mut Row {
        let place = self.places.get(path).copied().unwrap_or_else(|| self.add(path));
        let row = &mut self.rows[place];
        if !row.is_told {
            (row.is_told, row.depth, row.label, row.start) = (true, depth as usize, label.to_owned(), at);
        }
        row
    }

    /// A row for this path, and for what it stands under.
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

    /// The rows as they stand in the picture.
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

/// A bar is never invisible, however short.
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
