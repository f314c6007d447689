//! Writes SVG.

use std::fmt::Write;

use agent_core::message::safe_line;

use crate::page::COLOURS;

pub(super) const WIDTH: f64 = 800.0;

/// What is the same for all pictures. Colours are those of the page.
const STYLE: &str = "\
text { font-family: system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; font-size: 13px; fill: var(--text) }
.head { font-size: 19px; font-weight: 600 }
.run { font-size: 15px; font-weight: 600 }
.agent { font-weight: 600 }
.tool, .small { fill: var(--muted) }
.small { font-size: 12px }
.middle { text-anchor: middle }
.page { fill: var(--back); stroke: var(--grid) }
.grid { fill: var(--grid) }
.path { fill: var(--path) }
.could { fill: none; stroke: var(--muted); stroke-dasharray: 3 2 }
.streaming { fill: var(--streaming) }
.running { fill: var(--running) }
.delegated { fill: var(--delegated) }
";

/// The states that are drawn with a pattern: the lines of its tile, and dots.
const PATTERNS: [(&str, &str); 8] = [
    ("first_token", "M-2 2L2-2M-2 10L10-2M6 10L10 6"),
    ("thinking", "M2 2h.1M6 6h.1"),
    ("failed", "M-2 2L2-2M-2 10L10-2M6 10L10 6M-2 6L2 10M-2-2L10 10M6-2L10 2"),
    ("permit", "M0 2H8M0 6H8"),
    ("exclusive", "M2 0V8M6 0V8"),
    ("gate", "M-2 6L2 10M-2-2L10 10M6-2L10 2"),
    ("retry", "M4 4h.1"),
    ("person", "M0 2H4M4 6H8"),
];

/// A picture in SVG.
#[derive(Default)]
pub(super) struct Canvas {
    grid: String,
    body: String,
}

impl Canvas {
    /// A box. `title` is shown when the pointer is over it.
    pub(super) fn rect(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64), title: &str) {
        let end = match title {
            "" => "/>".to_owned(),
            title => format!("><title>{}</title></rect>", escaped(title)),
        };
        self.add(&format!(
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}"{end}"#
        ));
    }

    pub(super) fn text(&mut self, (x, y): (f64, f64), class: &str, text: &str) {
        self.add(&format!(r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{}</text>"#, escaped(text)));
    }

    /// A line of the axis, under everything else.
    pub(super) fn grid(&mut self, x: f64, top: f64, bottom: f64) {
        let height = bottom - top;
        let line = format!(r#"<rect class="grid" x="{x:.1}" y="{top:.1}" width="1" height="{height:.1}"/>"#);
        writeln!(self.grid, "{line}").expect("a String takes all that is written");
    }

    fn add(&mut self, line: &str) {
        writeln!(self.body, "{line}").expect("a String takes all that is written");
    }

    pub(super) fn finish(self, height: f64, title: &str, description: &str) -> String {
        let (style, defs) = styles();
        let (title, description) = (escaped(title), escaped(description));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} \
             {height}\" role=\"img\" aria-labelledby=\"title desc\">\n<title id=\"title\">{title}</title>\n\
             <desc id=\"desc\">{description}</desc>\n<style>\n{COLOURS}{STYLE}{style}</style>\n<defs>\n{defs}</defs>\n\
             <rect class=\"page\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n{}{}</svg>\n",
            WIDTH - 1.0,
            height - 1.0,
            self.grid,
            self.body
        )
    }
}

/// The styles and the tiles of the patterns.
fn styles() -> (String, String) {
    let (mut style, mut defs) = (String::new(), String::new());
    for (name, lines) in PATTERNS {
        let css = name.replace('_', "-");
        let width = match name {
            "gate" => 2.4,
            "thinking" => 2.2,
            "retry" => 3.4,
            "person" => 4.0,
            _ => 1.4,
        };
        let cap = if matches!(name, "thinking" | "retry") { "round" } else { "butt" };
        style.push_str(&format!(
            ".{name} {{ fill: url(#{css}); stroke: var(--{css}-ink) }}\n\
             .{name}-tile {{ fill: var(--{css}) }}\n\
             .{name}-ink {{ fill: none; stroke: var(--{css}-ink); stroke-width: {width}; stroke-linecap: {cap} }}\n"
        ));
        defs.push_str(&format!(
            "<pattern id=\"{css}\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">\
             <rect class=\"{name}-tile\" width=\"8\" height=\"8\"/><path class=\"{name}-ink\" d=\"{lines}\"/></pattern>\n"
        ));
    }
    (style, defs)
}

/// A text in XML. What nobody sees is an escape.
fn escaped(text: &str) -> String {
    let text = safe_line(text);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
