//! Reads the steps of a plan while the model still writes it.

use super::Step;
use crate::Json;

/// Reads the text of a [`Plan`](super::Plan) piece by piece, and returns each step when the model
/// has moved on from it: when a comma or the end of the list follows. The end of the step alone is
/// not enough, because a text that was cut may end the same way.
///
/// It need not find every mistake, because the whole plan is checked again. When it finds one, it
/// reads no further.
#[derive(Debug, Default)]
pub(crate) struct StepReader {
    /// How many brackets are open. The fields of the plan are at 1, the steps at 2.
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// The value that comes next, or is being read, is that of the field `steps`.
    is_steps: bool,
    /// There was a field `steps`.
    had_steps: bool,
    /// The name of a field, or a step, as far as it was read.
    text: String,
    is_over: bool,
}

impl StepReader {
    /// Reads more text, and returns the steps that are complete now.
    pub(crate) fn read(&mut self, piece: &str) -> Vec<Step> {
        let mut steps = Vec::new();
        for char in piece.chars() {
            if self.is_over {
                break;
            }
            match self.in_string {
                true => self.read_in_string(char),
                false => steps.extend(self.read_char(char)),
            }
        }
        steps
    }

    /// The plan can't be carried out, so nothing more of it is read.
    pub(crate) fn stop(&mut self) {
        self.is_over = true;
    }

    fn read_in_string(&mut self, char: char) {
        self.keep(char);
        match char {
            _ if self.is_escaped => self.is_escaped = false,
            '\\' => self.is_escaped = true,
            '"' => self.in_string = false,
            _ => {}
        }
    }

    fn read_char(&mut self, char: char) -> Option<Step> {
        match (char, self.depth) {
            ('{', 0) => self.depth = 1,
            ('[', 1) if self.is_steps => self.depth = 2,
            // A plan is an object, and its steps are a list.
            (_, 0) if !char.is_whitespace() => self.stop(),
            ('{', 1) if self.is_steps => self.stop(),
            (']', 2) if self.is_steps => {
                (self.depth, self.is_steps) = (1, false);
                return self.step();
            }
            (',', 2) if self.is_steps => return self.step(),
            (':', 1) => self.begin_field(),
            (',', 1) => {
                self.is_steps = false;
                self.text.clear();
            }
            ('}', 1) => self.stop(),
            _ => self.read_other(char),
        }
        None
    }

    /// A character that belongs to a value or a name.
    fn read_other(&mut self, char: char) {
        match char {
            '"' => self.in_string = true,
            '{' | '[' => self.depth += 1,
            '}' | ']' => self.depth -= 1,
            _ => {}
        }
        self.keep(char);
    }

    fn keep(&mut self, char: char) {
        if self.depth == 1 || self.is_steps {
            self.text.push(char);
        }
    }

    /// The name of a field of the plan was read. A field that is there twice is an error.
    fn begin_field(&mut self) {
        self.is_steps = serde_json::from_str::<String>(&self.text).is_ok_and(|name| name == "steps");
        self.is_over |= self.is_steps && self.had_steps;
        self.had_steps |= self.is_steps;
        self.text.clear();
    }

    /// The step that was just read.
    fn step(&mut self) -> Option<Step> {
        let text = std::mem::take(&mut self.text);
        // It is read as it will be when the plan is whole.
        let step = Json::of_text(&text).ok().and_then(|json| json.parse().ok());
        self.is_over |= step.is_none();
        step
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::conversation::Plan;

    fn read(pieces: &[&str]) -> Vec<Vec<Step>> {
        let mut reader = StepReader::default();
        pieces.iter().map(|piece| reader.read(piece)).collect()
    }

    /// Checks which steps each piece completes, by their ids: `a|b` means `a` with the first one and
    /// `b` with the second.
    fn check(pieces: &[&str], expected: &str) {
        let ids = |steps: Vec<Step>| steps.into_iter().map(|step| step.id).collect::<String>();
        let read: Vec<String> = read(pieces).into_iter().map(ids).collect();
        assert_eq!(read.join("|"), expected, "{pieces:?}");
    }

    const A: &str = r#"{"id": "a", "tool": "t", "input": {}}"#;
    const B: &str = r#"{"id": "b", "tool": "t", "input": {}}"#;

    #[test]
    fn a_step_is_complete_when_the_model_has_moved_on_from_it() {
        check(&[r#"{"steps":["#, A, " ", ",", B, "\n", "]", "}"], "|||a|||b|");
        check(&[r#"{"steps":["#, A, ",", B], "||a|");
        // It moves on in the middle of an escape or of a name.
        check(&[r#"{"st"#, r#"eps":["#, &A[..4], &A[4..], ","], "||||a");
        let escaped = r#"{"id": "a", "tool": "t", "input": {"say": "\"\u00e9"}},"#;
        for at in (0..escaped.len()).filter(|at| *at != escaped.len() - 1) {
            check(&[r#"{"steps":["#, &escaped[..at], &escaped[at..]], "||a");
        }
    }

    #[test]
    fn brackets_in_texts_and_inputs_are_not_those_of_the_plan() {
        let hard = |input: &str| format!(r#"{{"steps": [{{"id":"a","tool":"t","input":{input}}},{B}]}}"#);
        for input in [
            r#"{"say": "]},{"}"#,
            r#"{"say": "\"]},{\\"}"#,
            r#"{"say": "\\\\\""}"#,
            r#"{"steps": [{"id": "x", "tool": "t"}, 1], "deep": [[[{"a": [1, 2]}]]]}"#,
            r#"{"say": "🦀é\ud83e"}"#,
        ] {
            check(&[&hard(input)], "ab");
        }
    }

    #[test]
    fn only_the_first_list_of_the_name_is_read_wherever_it_is() {
        let plan = |before: &str, after: &str| format!("{{{before}\"steps\": [{A}]{after}}}");
        check(&[&plan(r#""enough": 1, "stop_on_failure": false, "#, "")], "a");
        check(&[&plan("", r#", "result": [{"$from": "a"}, "steps"]"#)], "a");
        check(&[&plan(&format!(r#""result": {{"steps": [{B}]}}, "#), "")], "a");
        check(&[&plan(r#""result": "\"steps\": [{", "#, "")], "a");
        check(&[&plan("", &format!(r#", "steps": [{B}]"#))], "a");
        check(&[&format!(r#"{{"st\u0065ps": [{A}], "steps": [{B}]}}"#)], "a");
        check(&[&format!(r#" {{ "steps" : [ {A} , {B} ] }} "#)], "ab");
        check(&[&format!(r#"{{"steps": [{A}]}}, {{"steps": [{B}]}}"#)], "a");
    }

    #[test]
    fn what_is_no_plan_has_no_steps() {
        for wrong in [
            format!("[{A}]"),
            format!(r#"[{{"steps": [{A}]}}]"#),
            format!(r#"{{"steps": {{"0": [{A}], "1": [{A}]}}}}"#),
            format!(r#"{{"steps": 1, "result": [{A}]}}"#),
            format!(r#""steps": [{A}]"#),
            format!(r#"{{"steps": [1, {A}]}}"#),
            format!(r#"{{"steps": [{A}{A}, {B}]}}"#),
            format!(r#"{{"steps": [], "result": [{A}]}}"#),
            format!(r#"{{"steps"[{A}]}}"#),
            "]]}}{{[[,,::\"".to_owned(),
        ] {
            check(&[&wrong], "");
        }
    }

    proptest! {
        #[test]
        fn any_split_of_any_text_gives_the_same_steps(
            text in r#"(\{|\}|\[|\]|,|:|"steps"|"a"|1|\\|"| |\{"id":"a","tool":"t"\}|\{"id":"é\\"b","tool":"t"\}){0,24}"#,
            plan in any::<bool>(),
            places in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let text = if plan { format!(r#"{{"steps":[{text}"#) } else { text };
            let whole = read(&[&text]).concat();
            let mut places: Vec<usize> = places.iter().map(|place| place.index(text.len() + 1)).collect();
            places.retain(|place| text.is_char_boundary(*place));
            places.extend([0, text.len()]);
            places.sort_unstable();
            let pieces: Vec<&str> = places.windows(2).map(|ends| &text[ends[0]..ends[1]]).collect();
            prop_assert_eq!(&read(&pieces).concat(), &whole);
            // What serde reads as a plan has these steps.
            if let Ok(plan) = serde_json::from_str::<Plan>(&text) {
                prop_assert_eq!(plan.steps(), &*whole);
            }
        }
    }
}
