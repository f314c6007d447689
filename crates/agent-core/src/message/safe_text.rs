//! Makes text from models, tools and servers safe to show to a person.

use std::{borrow::Cow, fmt::Write};

/// Escapes a text so that it is safe to show on one line. Use it wherever a person reads what a
/// model, a tool or a server wrote: in a question, an error, a log, a list.
///
/// Control characters, line breaks, invisible characters, and characters that change the reading
/// direction become escapes, such as `\n` and `\u{202e}`. All others stay as they are.
///
/// ```
/// let asked = "May \"delete\" be called with notes\u{202e}txt.\u{1b}[2K?";
/// assert_eq!(agent_core::message::safe_line(asked), r#"May "delete" be called with notes\u{202e}txt.\u{1b}[2K?"#);
/// ```
pub fn safe_line(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// Like [`safe_line`], for a text of several lines: line feeds and tabs stay, and `\r\n` becomes
/// `\n`.
///
/// If you put a name before such a text, put the name before every line, or else a line of the text
/// can look as if somebody else wrote it.
pub fn safe_lines(text: &str) -> Cow<'_, str> {
    let stays = |character| matches!(character, '\n' | '\t');
    match text.contains("\r\n") {
        true => Cow::Owned(escaped(&text.replace("\r\n", "\n"), stays).into_owned()),
        false => escaped(text, stays),
    }
}

fn escaped(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_unsafe = |character: char| is_unsafe(character) && !stays(character);
    let Some(first) = text.find(is_unsafe) else { return Cow::Borrowed(text) };
    let mut safe = text[..first].to_owned();
    for character in text[first..].chars() {
        match is_unsafe(character) {
            true => {
                write!(safe, "{}", character.escape_default()).expect("a String takes all that is written")
            }
            false => safe.push(character),
        }
    }
    Cow::Owned(safe)
}

/// Whether a character is a control, changes the reading direction, or is invisible. Source:
/// Unicode's categories Cc, Cf, Zl and Zp, and its property Default_Ignorable_Code_Point. Variation
/// selectors 15 and 16, which choose between text and emoji style, are not included.
pub(crate) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
            | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0d}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_78_what_a_terminal_obeys_and_what_nobody_sees_is_shown_as_an_escape() {
        let check = |text: &str, line: &str, lines: &str| {
            assert_eq!(safe_line(text), line, "{text:?}");
            assert_eq!(safe_lines(text), lines, "{text:?}");
        };
        for plain in ["", "Ünïcödé, 日本語, \u{2764}\u{fe0f}, nbsp\u{a0}.", r"C:\n"] {
            check(plain, plain, plain);
        }
        check("a\nb\tc", r"a\nb\tc", "a\nb\tc");
        check("a\r\nb\rc", r"a\r\nb\rc", "a\nb\\rc");
        check("\u{1b}[2J\u{7}\u{9b}1m\0", r"\u{1b}[2J\u{7}\u{9b}1m\u{0}", r"\u{1b}[2J\u{7}\u{9b}1m\u{0}");
        let hidden = "\u{202e}\u{2066}\u{200b}\u{200d}\u{2060}\u{feff}\u{2028}\u{2029}\u{ad}\u{61c}\u{3164}\u{e0041}\u{e0100}";
        assert!(safe_line(hidden).is_ascii() && safe_lines(hidden).is_ascii(), "{}", safe_lines(hidden));
    }
}
