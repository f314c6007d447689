//! Why a reply ended, in a word.

use agent_core::StopReason;

/// The longest word of an API that is passed on.
const LONGEST: usize = 64;

/// The word for why a reply ended. A wrapper that replies in the place of a model may write a sentence
/// here, with what a tool said. That is not a word, and is not for everybody: it is `other`.
pub(crate) fn stop_word(reason: &StopReason) -> &str {
    let is_word = |text: &str| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        (1..=LONGEST).contains(&text.len()) && text.bytes().all(is_part)
    };
    match reason {
        StopReason::Other(text) if !is_word(text) => "other",
        reason => reason.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_passed_on_and_sentences_are_not() {
        let other = |text: &str| stop_word(&StopReason::Other(text.to_owned())).to_owned();
        assert_eq!(stop_word(&StopReason::EndTurn), "end_turn");
        assert_eq!(other("guardrail_intervened"), "guardrail_intervened");
        assert_eq!(other("it failed with: no page x"), "other");
        assert_eq!(other(""), "other");
        assert_eq!(other(&"x".repeat(65)), "other");
    }
}
