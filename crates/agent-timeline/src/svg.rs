//! The timeline as a picture for documents.

mod canvas;

use std::time::Duration;

use self::canvas::{Canvas, WIDTH};
use crate::{
    bar::{Bar, BarKind},
    comparison::Comparison,
    milliseconds::words,
    state::State,
    timeline::Timeline,
};

/// Where the axis begins and ends, in pixels from the left.
const AXIS: (f64, f64) = (150.0, WIDTH - 24.0);

/// How far a lane is from the next one, and how high its bars are.
const PITCH: f64 = 22.0;
const BAR: f64 = 15.0;

/// The most lanes of a run. More would make the picture too long for a page.
const MOST_LANES: usize = 60;

impl Timeline {
    /// A static picture in SVG, for documents. Its colours follow the reader's, light or dark.
    ///
    /// It has the first 60 lanes. Names of agents and tools are in it, but not what was asked and
    /// answered.
    pub fn to_svg(&self) -> String {
        let mut picture = Picture::new(self.end());
        picture.legend(&[self]);
        picture.run(self);
        picture.finish("Timeline of a run", &format!("The run takes {}.", words(self.end())))
    }
}

impl Comparison<'_> {
    /// A static picture of both in SVG, one under the other on one scale. See [`Timeline::to_svg`].
    pub fn to_svg(&self) -> String {
        let mut picture = Picture::new(self.end());
        let summary = self.summary();
        picture.heading(&summary);
        let runs = self.runs();
        picture.legend(&runs.map(|(_, run)| run));
        for (name, run) in runs {
            picture.title(name, run.end());
            picture.run(run);
        }
        picture.finish("Timelines of two runs", &summary)
    }
}

/// A picture that grows downwards.
struct Picture {
    canvas: Canvas,
    /// When the axis ends.
    scale: Duration,
    /// How far it is drawn.
    y: f64,
    /// Where the lanes begin.
    top: f64,
}

impl Picture {
    fn new(scale: Duration) -> Self {
        Self { canvas: Canvas::default(), scale: scale.max(Duration::from_micros(1)), y: 16.0, top: 0.0 }
    }

    fn x(&self, at: Duration) -> f64 {
        AXIS.0 + (AXIS.1 - AXIS.0) * at.as_secs_f64() / self.scale.as_secs_f64()
    }

    fn heading(&mut self, text: &str) {
        self.canvas.text((24.0, self.y + 16.0), "head", text);
        self.y += 34.0;
    }

    fn title(&mut self, name: &str, took: Duration) {
        self.y += 8.0;
        self.canvas.text((24.0, self.y + 13.0), "run", &format!("{name}: {}", words(took)));
        self.y += 24.0;
    }

    /// The states that the runs have.
    fn legend(&mut self, runs: &[&Timeline]) {
        let bars = || runs.iter().flat_map(|run| &run.bars);
        let has = |state| bars().flat_map(|bar| &bar.segments).any(|segment| segment.state == state);
        let mut x = 24.0;
        let mut item = |picture: &mut Self, class: &str, text: &str| {
            let width = 34.0 + 6.6 * text.chars().count() as f64;
            if x + width > WIDTH - 16.0 {
                (x, picture.y) = (24.0, picture.y + 20.0);
            }
            picture.swatch(class, x);
            picture.canvas.text((x + 28.0, picture.y + 11.0), "small", text);
            x += width + 12.0;
        };
        for state in State::ALL.into_iter().filter(|&state| has(state)) {
            item(self, state.name(), state.words());
        }
        item(self, "path", "critical path");
        if bars().any(|bar| bar.could_start.is_some()) {
            item(self, "could", "could run here, if read_only");
        }
        self.y += 26.0;
        self.top = self.y;
    }

    fn swatch(&mut self, class: &str, x: f64) {
        let (y, height) = match class {
            "path" => (self.y + 6.0, 2.5),
            "delegated" => (self.y + 5.0, 3.0),
            _ => (self.y + 1.0, 12.0),
        };
        self.canvas.rect(class, (x, y), (22.0, height), "");
    }

    /// The lanes of a run with their bars.
    fn run(&mut self, run: &Timeline) {
        let top = self.y;
        for lane in run.lanes.iter().take(MOST_LANES) {
            let x = 24.0 + 12.0 * lane.depth.min(5) as f64;
            let most = ((AXIS.0 - 10.0 - x) / 7.0) as usize;
            let class = if lane.is_agent { "agent" } else { "tool" };
            self.canvas.text((x, self.y + 12.0), class, &cut(&lane.label, most));
            self.y += PITCH;
        }
        for bar in run.bars.iter().filter(|bar| bar.lane < MOST_LANES) {
            self.bar(bar, top + bar.lane as f64 * PITCH);
        }
        self.path(run, top);
        if run.lanes.len() > MOST_LANES {
            let more = format!("… and {} more lanes", run.lanes.len() - MOST_LANES);
            self.canvas.text((24.0, self.y + 12.0), "small", &more);
            self.y += PITCH;
        }
    }

    fn bar(&mut self, bar: &Bar, y: f64) {
        let whole = format!("{}: {}", bar.label, words(bar.length()));
        let delegates = bar.segments.iter().any(|segment| segment.state == State::Delegated);
        if bar.kind == BarKind::Run || delegates {
            let (from, to) = (self.x(bar.run_start()), self.x(bar.end));
            self.canvas.rect("delegated", (from, y + BAR / 2.0 - 1.5), ((to - from).max(1.0), 3.0), &whole);
        }
        if let Some(could) = bar.could_start {
            let (from, to) = (self.x(could), self.x(bar.run_start()));
            self.canvas.rect("could", (from, y + 2.0), (to - from, BAR - 4.0), "");
        }
        for segment in bar.segments.iter().filter(|segment| segment.state != State::Delegated) {
            let (from, to) = (self.x(segment.start), self.x(segment.end));
            let what = format!("{}: {} {}", bar.label, segment.state.words(), words(segment.length()));
            let size = ((to - from - 0.8).max(0.8), BAR);
            self.canvas.rect(segment.state.name(), (from, y), size, &what);
        }
        // A call that took no time is still seen.
        if bar.segments.is_empty() && bar.kind != BarKind::Run {
            let class = if bar.is_failed { State::Failed } else { State::Running };
            self.canvas.rect(class.name(), (self.x(bar.start) - 0.6, y), (1.6, BAR), &whole);
        }
    }

    /// The critical path: a line under its bars, and from lane to lane.
    fn path(&mut self, run: &Timeline, top: f64) {
        let y = |bar: usize| top + run.bars[bar].lane.min(MOST_LANES) as f64 * PITCH + BAR + 1.0;
        let mut before: Option<usize> = None;
        for step in &run.critical_path {
            let (from, to) = (self.x(step.start), self.x(step.end));
            self.canvas.rect("path", (from, y(step.bar)), ((to - from).max(0.8), 2.5), "");
            if let Some(before) = before.filter(|&before| y(before) != y(step.bar)) {
                let (high, low) = (y(before).min(y(step.bar)), y(before).max(y(step.bar)));
                self.canvas.rect("path", (from - 0.6, high), (1.2, low - high + 2.5), "");
            }
            before = Some(step.bar);
        }
    }

    /// The axis, and what describes the picture to those who do not see it.
    fn finish(mut self, title: &str, description: &str) -> String {
        let step = step(self.scale);
        let mut at = Duration::ZERO;
        while at <= self.scale {
            let x = self.x(at);
            self.canvas.grid(x, self.top - 4.0, self.y + 2.0);
            self.canvas.text((x, self.y + 17.0), "small middle", &words(at));
            at += step;
        }
        self.canvas.finish(self.y + 30.0, title, description)
    }
}

/// Steps of the axis: 1, 2 or 5 of a power of ten, at most 10 in all.
fn step(scale: Duration) -> Duration {
    let micros = scale.as_micros().max(1);
    let mut power: u128 = 1;
    loop {
        for factor in [1, 2, 5] {
            if micros / (power * factor) < 10 {
                return Duration::from_micros((power * factor).try_into().unwrap_or(u64::MAX));
            }
        }
        power *= 10;
    }
}

/// The beginning of a text, in so many characters.
fn cut(text: &str, most: usize) -> String {
    match text.chars().count() <= most {
        true => text.to_owned(),
        false => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}
