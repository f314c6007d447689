//! The colours of the page can be told apart: by the rules of WCAG for contrast.

use std::collections::HashMap;

use agent_timeline::{State, page};

/// The colours of the light page, and of the dark one.
fn schemes() -> [HashMap<String, [f64; 3]>; 2] {
    let (light, dark) = page::CSS.split_once("@media (prefers-color-scheme: dark)").unwrap();
    let dark = dark.split_once("* {").unwrap().0;
    [light, dark].map(|css| {
        let declarations = css.split([';', '{']).filter_map(|one| one.trim().split_once(": #"));
        declarations.map(|(name, hex)| (name.trim_start_matches('-').to_owned(), channels(hex))).collect()
    })
}

fn channels(hex: &str) -> [f64; 3] {
    [0, 2, 4].map(|at| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0)
}

fn luminance(colour: [f64; 3]) -> f64 {
    let linear = |part: f64| if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) };
    let [red, green, blue] = colour.map(linear);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    one.max(other) / one.min(other)
}

#[test]
fn text_and_bars_have_contrast_in_light_and_dark() {
    for (scheme, colours) in ["light", "dark"].into_iter().zip(schemes()) {
        let check = |name: &str, ground: &str, least: f64| {
            let contrast = contrast(colours[name], colours[ground]);
            assert!(contrast >= least, "{scheme}: {name} on {ground}: {contrast:.2}, at least {least}");
        };
        for text in ["text", "muted", "link", "good", "bad"] {
            check(text, "back", 4.5);
            check(text, "stripe", 4.5);
        }
        for shape in ["path", "focus", "delegated", "line"] {
            check(shape, "back", 3.0);
        }
        for state in State::ALL.map(|state| state.name().replace('_', "-")) {
            check(&format!("{state}-label"), &state, 4.5);
            // A bar is seen by its fill or by the lines in and around it.
            let ink = contrast(colours[&format!("{state}-ink")], colours["back"]);
            let fill = contrast(colours[&state], colours["back"]);
            assert!(ink.max(fill) >= 3.0, "{scheme}: {state}: {ink:.2}, {fill:.2}");
        }
    }
}
