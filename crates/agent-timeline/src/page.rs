//! The page of a timeline: its parts, for a page that draws a run while it goes on.
//!
//! [`Timeline::to_html`] is a whole page. A program that serves its own page can put [`BODY`] into
//! it, [`CSS`] into a `<style>` and [`JS`] into a `<script>`. The script makes one global object,
//! `page`:
//!
//! - `page.draw(model)` draws a model: the object that [`Timeline::to_json`] writes. Called again
//!   with a newer model, it keeps the zoom, the place and the selected bar.
//! - `page.draw([{name, model}, …])` draws several on one scale.
//!
//! All text in a model is drawn as text: it is never read as HTML.

pub use crate::escape::escape;
use crate::timeline::Timeline;

/// The colours of the states and of everything else, for light and dark.
pub(crate) const COLOURS: &str = include_str!("page/colours.css");

/// The styles of the page, for light and dark.
pub const CSS: &str = concat!(include_str!("page/colours.css"), include_str!("page/page.css"));

/// The script of the page.
pub const JS: &str = concat!(
    "const page = (() => {\n\"use strict\";\n",
    include_str!("page/format.js"),
    include_str!("page/states.js"),
    include_str!("page/layout.js"),
    include_str!("page/canvas.js"),
    include_str!("page/panel.js"),
    include_str!("page/summary.js"),
    include_str!("page/page.js"),
    "return { draw };\n})();\n",
);

/// The elements that the script fills, without `<body>`.
pub const BODY: &str = include_str!("page/page.html");

/// Nothing may be loaded, and nothing sent, whatever a page says.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; \
    base-uri 'none'; form-action 'none'";

impl Timeline {
    /// A page for a browser: one HTML file that needs no network and no other file.
    ///
    /// It says what to change to make the run faster, shows the critical path and each turn and
    /// call, and has what was asked and answered. It contains what users, models and tools said:
    /// see [`without_texts`](Self::without_texts) before you give it to others.
    pub fn to_html(&self) -> String {
        html(&self.to_json())
    }
}

/// The page of a model, or of an array of `{name, model}`, whose JSON was [escaped](escape).
pub fn html(json: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>Timeline of a run</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{CSS}</style>\n</head>\n\
         <body>\n{BODY}<script id=\"model\" type=\"application/json\">{json}</script>\n\
         <script>\n{JS}page.draw(JSON.parse(document.getElementById(\"model\").textContent));\n</script>\n\
         </body>\n</html>\n"
    )
}
