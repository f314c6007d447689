//! The picture of two runs, one above the other, on one axis of time.

use std::{fmt::Write, time::Duration};

use super::lanes::{Lane, Lanes, Span};

/// Where the axis begins and ends, in pixels from the left.
const AXIS: (f64, f64) = (136.0, 770.0);

/// How high a lane is, and how far the next one is below it.
const LANE: f64 = 19.0;
const PITCH: f64 = 24.0;

/// Where the lanes of each run begin, in pixels from the top.
const SEQUENTIAL: f64 = 112.0;
const PARALLEL: f64 = 268.0;

/// Where the axis is.
const BOTTOM: f64 = 397.0;

/// The colours are the picture's own, with its own background, so that it can be read on any page.
const STYLE: &str = "\
text { font-family: system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; font-size: 13px; fill: #1f2328 }
.head { font-size: 22px; font-weight: 600 }
.run { font-size: 15px; font-weight: 600 }
.muted { font-size: 12px; fill: #59636e }
.work { font-size: 15px; font-weight: 600; paint-order: stroke; stroke: #ffffff; stroke-width: 5px }
.gain { font-size: 15px; font-weight: 600; fill: #1a7f37 }
.middle { text-anchor: middle }
.right { text-anchor: end }
.page { fill: #ffffff; stroke: #d1d9e0 }
.grid { stroke: #e2e7ec; fill: none }
.wait { stroke: #818b98; stroke-width: 2; stroke-dasharray: 2 4; fill: none }
.span { stroke: #1f2328; stroke-width: 1.5; fill: none }
.reply { fill: #2f6fde }
.call { fill: #e8830c }
.saved { fill: #e6f4ea }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.muted { fill: #9198a1 }
.work { stroke: #0d1117 }
.gain { fill: #56d364 }
.page { fill: #0d1117; stroke: #3d444d }
.grid { stroke: #2a3038 }
.wait { stroke: #9198a1 }
.span { stroke: #f0f6fc }
.reply { fill: #539bf5 }
.call { fill: #f0a03c }
.saved { fill: #12291a }
}
";

/// Draws both runs. `reply` and `call` are how long each reply and each call of a tool took.
pub(super) fn draw(sequential: &Lanes, parallel: &Lanes, reply: Duration, call: Duration) -> String {
    let (slow, fast) = (seconds(sequential.work.length()), seconds(parallel.work.length()));
    let mut picture = Picture { svg: String::new(), scale: sequential.end() };
    picture.begin(&slow, &fast);
    picture.text(28.0, 38.0, "head", &format!("Three specialists in parallel: {fast} instead of {slow}"));
    picture.legend();
    picture.axis();
    picture.run(SEQUENTIAL, "One after the other", sequential);
    picture.saved(parallel.end(), sequential.end());
    picture.run(PARALLEL, "In parallel", parallel);
    let note = format!(
        "A run with scripted models. Each reply takes {}, each call of a tool {}. Drawn by cargo xtask picture.",
        seconds(reply),
        seconds(call)
    );
    picture.text(28.0, 437.0, "muted", &note);
    picture.svg.push_str("</svg>\n");
    picture.svg
}

/// `6.5 s`: as many digits as are needed.
fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

struct Picture {
    svg: String,
    /// When the axis ends.
    scale: Duration,
}

impl Picture {
    fn begin(&mut self, slow: &str, fast: &str) {
        self.add(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="800" height="456" viewBox="0 0 800 456" role="img" aria-labelledby="title desc">"#,
        );
        self.add(
            r#"<title id="title">Timeline of three specialists, one after the other and in parallel</title>"#,
        );
        self.add(&format!(
            r#"<desc id="desc">An orchestrator gives work to a geometer, an accountant and a statistician. One after the other, their work takes {slow}. In parallel, it takes {fast}. A bar shows when each agent's model writes a reply and when its tools are called.</desc>"#
        ));
        self.add(&format!("<style>\n{STYLE}</style>"));
        self.add(r#"<rect class="page" x="0.5" y="0.5" width="799" height="455" rx="8"/>"#);
    }

    fn legend(&mut self) {
        self.bar("reply", (28.0, 55.0), (22.0, 12.0));
        self.text(57.0, 66.0, "", "a model writes a reply");
        self.bar("call", (226.0, 55.0), (6.0, 12.0));
        self.text(239.0, 66.0, "", "a tool is called");
        self.line("wait", (368.0, 61.0), (390.0, 61.0));
        self.text(397.0, 66.0, "", "the agent waits for others");
    }

    /// The axis of time with a line each five seconds, under both runs.
    fn axis(&mut self) {
        for second in (0..=self.scale.as_secs()).step_by(5) {
            let x = self.x(Duration::from_secs(second));
            self.line("grid", (x, SEQUENTIAL - 6.0), (x, BOTTOM));
            self.text(x, BOTTOM + 16.0, "muted middle", &format!("{second} s"));
        }
        self.line("grid", (AXIS.0, BOTTOM), (AXIS.1, BOTTOM));
    }

    /// One run, its lanes from `top` down, and below them how long the specialists worked.
    fn run(&mut self, top: f64, title: &str, run: &Lanes) {
        self.text(28.0, top - 12.0, "run", title);
        for (place, lane) in run.lanes.iter().enumerate() {
            self.lane(top + place as f64 * PITCH, lane);
        }
        let y = top + run.lanes.len() as f64 * PITCH + 3.0;
        let (from, to) = (self.x(run.work.start), self.x(run.work.end));
        self.add(&format!(r#"<path class="span" d="M{from:.1} {} v6 H{to:.1} v-6"/>"#, y - 6.0));
        let words = format!("specialists: {}", seconds(run.work.length()));
        self.text((from + to) / 2.0, y + 17.0, "work middle", &words);
    }

    fn lane(&mut self, top: f64, lane: &Lane) {
        self.text(AXIS.0 - 12.0, top + 14.0, "right", &lane.agent);
        let middle = top + LANE / 2.0;
        for gap in lane.gaps() {
            self.line("wait", (self.x(gap.start) + 3.0, middle), (self.x(gap.end) - 2.0, middle));
        }
        for reply in &lane.replies {
            self.part("reply", top, LANE, *reply);
        }
        for (place, call) in lane.calls.iter().enumerate() {
            // Calls in parallel lie one above the other.
            let beside = |calls: &[Span]| calls.iter().filter(|other| other.overlaps(*call)).count();
            let height = LANE / beside(&lane.calls) as f64;
            self.part("call", top + height * beside(&lane.calls[..place]) as f64, height, *call);
        }
    }

    /// A bar for one thing that an agent did; a small gap divides it from the next, a smaller one from what is under it.
    fn part(&mut self, class: &str, top: f64, height: f64, span: Span) {
        let (from, to) = (self.x(span.start), self.x(span.end));
        self.bar(class, (from + 0.5, top), (to - from - 1.0, height - 0.8));
    }

    /// What the faster run leaves free.
    fn saved(&mut self, fast: Duration, slow: Duration) {
        let (from, to) = (self.x(fast), self.x(slow));
        let height = 4.0 * PITCH - (PITCH - LANE);
        self.bar("saved", (from + 4.0, PARALLEL), (to - from - 4.0, height));
        let words = format!("done {} earlier", seconds(slow - fast));
        self.text((from + to) / 2.0, PARALLEL + height / 2.0 + 5.0, "gain middle", &words);
    }

    fn x(&self, at: Duration) -> f64 {
        AXIS.0 + (AXIS.1 - AXIS.0) * at.as_secs_f64() / self.scale.as_secs_f64()
    }

    fn bar(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
        self.add(&format!(
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="1"/>"#
        ));
    }

    fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.add(&format!(r#"<path class="{class}" d="M{x1:.1} {y1:.1} L{x2:.1} {y2:.1}"/>"#));
    }

    /// Text of our own, in which nothing needs an escape.
    fn text(&mut self, x: f64, y: f64, class: &str, text: &str) {
        self.add(&format!(r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{text}</text>"#));
    }

    fn add(&mut self, line: &str) {
        writeln!(self.svg, "{line}").expect("a String takes all that is written");
    }
}
