//! A tool call, as the model wrote it.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    InvalidJson, Json,
    message::{fields::Fields, truncate::truncated},
};

/// The key of an input that replaces text which was not a JSON object. It is the only key of that
/// input.
const INVALID: &str = "INVALID_JSON";

/// How many bytes of such a text are repeated to the model in an error.
const REPEATED: usize = 4_000;

/// A call of a tool by a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The id that the result refers to. It is unique in a conversation: if a model repeats an id,
    /// the conversation replaces it (`call`, `call_2`, …).
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The input, a JSON object.
    pub input: Json,
}

impl ToolCall {
    /// Whether the other call is of the same tool, with the same input. Only such calls can share
    /// one execution.
    pub fn asks_the_same(&self, other: &Self) -> bool {
        self.name == other.name && self.input == other.input
    }

    /// Reads the input as a `T`. The text of the error is made for the model: it says what is wrong
    /// with the input, and where.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, InvalidJson> {
        match self.malformed() {
            Some(error) => Err(error),
            None => self.input.parse(),
        }
    }

    /// The error if the model wrote an input that is not a JSON object; `None` if the input is an
    /// object.
    pub fn malformed(&self) -> Option<InvalidJson> {
        object(&self.kept()?).err()
    }

    /// The input as the model wrote it, which may not be JSON.
    #[cfg(feature = "script")]
    pub(crate) fn as_written(&self) -> String {
        let kept = self.kept().filter(|text| object(text).is_err());
        kept.unwrap_or_else(|| self.input.text().to_owned())
    }

    /// The original text, if the input replaces text that was not a JSON object.
    fn kept(&self) -> Option<String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Kept {
            #[serde(rename = "INVALID_JSON")]
            text: String,
        }
        if !self.input.text().contains(INVALID) {
            return None;
        }
        self.input.parse().ok().map(|Kept { text }| text)
    }
}

/// Makes the input of a call from the text that a model wrote. Empty text and `null` become `{}`.
/// Text that is not a JSON object is kept unchanged inside an object, so that it can be sent back
/// and [`ToolCall::malformed`] can say what was wrong.
pub(crate) fn written_input(text: &str) -> Json {
    let text = if matches!(text.trim(), "" | "null") { "{}" } else { text };
    object(text).unwrap_or_else(|_| {
        let mut fields = Fields::default();
        fields.set(INVALID, text);
        fields.json()
    })
}

fn object(text: &str) -> Result<Json, InvalidJson> {
    let not_an_object = |why: String| {
        let text = truncated(text.to_owned(), REPEATED);
        InvalidJson { pointer: String::new(), message: format!("the input {why}; it was: {text}") }
    };
    let json = Json::of_text(text).map_err(|error| not_an_object(format!("is not valid JSON: {error}")))?;
    match json.text().starts_with('{') {
        true => Ok(json),
        false => Err(not_an_object("must be a JSON object".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(written: &str) -> ToolCall {
        ToolCall { id: "a".into(), name: "f".into(), input: written_input(written) }
    }

    #[test]
    fn fault_18_malformed_input_json_is_kept_and_says_the_parsers_message() {
        let call = call(r#"{"city": "Par"#);
        assert_eq!(call.input.text(), r#"{"INVALID_JSON":"{\"city\": \"Par"}"#);
        let error = call.parse::<serde_json::Value>().unwrap_err().to_string();
        assert!(error.contains("EOF while parsing a string at line 1 column 13"), "{error}");
    }

    #[test]
    fn an_input_that_is_json_but_no_object_is_malformed() {
        assert!(call("[1]").malformed().is_some());
        assert!(call("7").malformed().is_some());
    }

    #[test]
    fn field_57_an_input_of_nothing_is_empty() {
        for nothing in ["null", " null\n", "", " "] {
            let call = call(nothing);
            assert_eq!((call.malformed(), call.input.text()), (None, "{}"), "{nothing:?}");
        }
    }

    #[test]
    fn fault_25_half_a_character_in_an_input_is_replaced_and_the_input_read() {
        let call = call(r#"{"crab":"\ud83e"}"#);
        assert_eq!((call.malformed(), call.input.text()), (None, r#"{"crab":"\ufffd"}"#));
        assert_eq!(call.parse::<serde_json::Value>().unwrap()["crab"], "\u{fffd}");
    }

    #[test]
    fn a_good_input_is_kept_as_written() {
        let good = call(r#"{ "b":1, "a":2 }"#);
        assert_eq!((good.malformed(), good.input.text()), (None, r#"{ "b":1, "a":2 }"#));
        let tricky = call(r#"{"INVALID_JSON":"{}"}"#);
        assert_eq!(tricky.malformed(), None, "a tool may well have such a field");
    }
}
