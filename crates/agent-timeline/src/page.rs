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

/// Escapes JSON such that it can stand inside a `<script>`: no text in it can end the script, open
/// a comment or change the reading direction of what follows. It is still the same JSON.
pub fn escape(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            // Outside of strings, JSON has none of these.
            '<'
            | '>'
            | '&'
            | '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn escaped_json_is_the_same_json_and_no_markup() {
        let hostile = "</script><!--&amp;\"'\u{2028}\u{202e}\u{feff}\u{7f}\0é日";
        let json = serde_json::to_string(hostile).unwrap();
        let escaped = escape(&json);
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), hostile);
        let odd = |character: char| "<>&\u{2028}\u{202e}\u{feff}\u{7f}".contains(character);
        assert!(!escaped.contains(odd), "{escaped}");
        assert!(escaped.contains("é日"), "{escaped}");
    }
}
