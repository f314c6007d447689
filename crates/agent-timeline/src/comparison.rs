//! Two runs on one scale.

use std::time::Duration;

use crate::{milliseconds::words, page, timeline::Timeline};

/// Two timelines on one scale, such as a run one after another and the same run in parallel.
///
/// ```
/// use agent_timeline::{Comparison, Timeline};
///
/// # let (slow, fast) = (Timeline::default(), Timeline::default());
/// let comparison = Comparison::new(("one after another", &slow), ("in parallel", &fast));
/// let page = comparison.to_html();
/// # assert!(page.contains("in parallel"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Comparison<'t> {
    runs: [(&'t str, &'t Timeline); 2],
}

impl<'t> Comparison<'t> {
    /// Compares two timelines. Each has a name, which is shown above it.
    pub fn new(first: (&'t str, &'t Timeline), second: (&'t str, &'t Timeline)) -> Self {
        Self { runs: [first, second] }
    }

    /// The two timelines with their names, in order.
    pub fn runs(&self) -> [(&'t str, &'t Timeline); 2] {
        self.runs
    }

    /// The time at which the common scale ends.
    pub fn end(&self) -> Duration {
        self.runs.iter().map(|(_, run)| run.end()).max().unwrap_or_default()
    }

    /// What the second run gained, in a sentence: `in parallel: 7.1 s instead of 23 s, 3.2 times as
    /// fast`.
    pub fn summary(&self) -> String {
        let [(_, first), (name, second)] = self.runs;
        let (slow, fast) = (first.end(), second.end());
        let times = match fast.is_zero() {
            true => String::new(),
            false => format!(", {:.1} times as fast", slow.as_secs_f64() / fast.as_secs_f64()),
        };
        format!("{name}: {} instead of {}{times}", words(fast), words(slow))
    }

    /// Draws both as text, one under the other. See [`Timeline::to_text`].
    pub fn to_text(&self, width: usize) -> String {
        let draw = |(name, run): (&str, &Timeline)| {
            let name = agent_core::message::safe_line(name).into_owned();
            format!("{name}:\n{}", run.to_text_on_scale(self.end(), width))
        };
        self.runs.map(draw).join("\n")
    }

    /// The data as JSON: an array of two objects with `name` and `model`; see
    /// [`Timeline::to_json`].
    pub fn to_json(&self) -> String {
        let run = |(name, run): (&str, &Timeline)| {
            let name = serde_json::to_string(name).expect("a text is JSON");
            format!(r#"{{"name":{},"model":{}}}"#, page::escape(&name), run.to_json())
        };
        format!("[{}]", self.runs.map(run).join(","))
    }

    /// A page for a browser with both, one under the other on one scale. See [`Timeline::to_html`].
    pub fn to_html(&self) -> String {
        page::html(&self.to_json())
    }
}
