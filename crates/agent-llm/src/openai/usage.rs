//! What a reply cost.

use std::borrow::Cow;

use agent_core::{Json, Usage, model::Counts};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::object::{Known, object, pass_over};

/// Reads a usage: the counts, and what it says beyond them, as it came.
///
/// There, the tokens of a prompt include those that a cache helped with; here they are apart. Both
/// APIs are read, as are servers that write the one's names in the other.
pub(super) fn read(usage: &Json) -> (Counts, Option<Json>) {
    let written: Written<'_> = object(usage.text()).unwrap_or_default();
    let details = written.prompt_tokens_details.or(written.input_tokens_details);
    let details: Details<'_> = details.and_then(|details| object(details.get()).ok()).unwrap_or_default();
    let said = |value: Option<&RawValue>| value.and_then(count);
    let cached = said(details.cached_tokens).or_else(|| said(written.prompt_cache_hit_tokens)).unwrap_or(0);
    let kept = said(details.cache_write_tokens).unwrap_or(0);
    let all = said(written.prompt_tokens).or_else(|| said(written.input_tokens));
    let mut counts = Counts::default();
    counts.input_tokens = all.map(|all| all.saturating_sub(cached).saturating_sub(kept));
    counts.output_tokens = said(written.completion_tokens).or_else(|| said(written.output_tokens));
    counts.cache_read_input_tokens = Some(cached).filter(|cached| *cached > 0);
    counts.cache_creation_input_tokens = Some(kept).filter(|kept| *kept > 0);
    (counts, Usage::details(usage))
}

/// A usage. A field that is absent or `null` is `None`.
#[derive(Default)]
struct Written<'a> {
    prompt_tokens: Option<&'a RawValue>,
    input_tokens: Option<&'a RawValue>,
    completion_tokens: Option<&'a RawValue>,
    output_tokens: Option<&'a RawValue>,
    prompt_tokens_details: Option<&'a RawValue>,
    input_tokens_details: Option<&'a RawValue>,
    /// As DeepSeek writes it.
    prompt_cache_hit_tokens: Option<&'a RawValue>,
}

/// The tokens of a prompt.
#[derive(Default)]
struct Details<'a> {
    cached_tokens: Option<&'a RawValue>,
    cache_write_tokens: Option<&'a RawValue>,
}

impl<'de> Known<'de> for Written<'de> {
    fn read_field<A: MapAccess<'de>>(&mut self, name: Cow<'de, str>, map: &mut A) -> Result<(), A::Error> {
        match &*name {
            "prompt_tokens" => self.prompt_tokens = map.next_value()?,
            "input_tokens" => self.input_tokens = map.next_value()?,
            "completion_tokens" => self.completion_tokens = map.next_value()?,
            "output_tokens" => self.output_tokens = map.next_value()?,
            "prompt_tokens_details" => self.prompt_tokens_details = map.next_value()?,
            "input_tokens_details" => self.input_tokens_details = map.next_value()?,
            "prompt_cache_hit_tokens" => self.prompt_cache_hit_tokens = map.next_value()?,
            _ => pass_over(map)?,
        }
        Ok(())
    }
}

impl<'de> Known<'de> for Details<'de> {
    fn read_field<A: MapAccess<'de>>(&mut self, name: Cow<'de, str>, map: &mut A) -> Result<(), A::Error> {
        match &*name {
            "cached_tokens" => self.cached_tokens = map.next_value()?,
            "cache_write_tokens" => self.cache_write_tokens = map.next_value()?,
            _ => pass_over(map)?,
        }
        Ok(())
    }
}

/// A count as servers write it; what is none is absent.
fn count(written: &RawValue) -> Option<u64> {
    // As the core reads what is not simply a number.
    let as_the_core = || {
        let usage = format!("{{\"output_tokens\":{}}}", written.get());
        serde_json::from_str::<Counts>(&usage).ok()?.output_tokens
    };
    written.get().parse().ok().or_else(as_the_core)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tokens_of_a_prompt_are_told_apart_and_the_rest_is_kept() {
        let check = |written: &str, [input, output, read_, kept]: [u64; 4], details: Option<&str>| {
            let (counts, kept_details) = read(&Json::read(written).unwrap());
            let mut usage = Usage::new(input, output);
            (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) = (read_, kept);
            assert_eq!(Usage::from(counts), usage, "{written}");
            assert_eq!(kept_details.as_ref().map(Json::text), details, "{written}");
        };
        check(
            r#"{"prompt_tokens":10,"completion_tokens":4,"total_tokens":14,"prompt_tokens_details":{"cached_tokens":6,"cache_write_tokens":1},"completion_tokens_details":{"reasoning_tokens":3}}"#,
            [3, 4, 6, 1],
            Some(
                r#"{"prompt_tokens":10,"completion_tokens":4,"total_tokens":14,"prompt_tokens_details":{"cached_tokens":6,"cache_write_tokens":1},"completion_tokens_details":{"reasoning_tokens":3}}"#,
            ),
        );
        check(
            r#"{"input_tokens":10,"output_tokens":4,"input_tokens_details":{"cached_tokens":6},"output_tokens_details":{"reasoning_tokens":3}}"#,
            [4, 4, 6, 0],
            Some(
                r#"{"input_tokens_details":{"cached_tokens":6},"output_tokens_details":{"reasoning_tokens":3}}"#,
            ),
        );
        check(
            r#"{"prompt_tokens":"7","completion_tokens":2.0}"#,
            [7, 2, 0, 0],
            Some(r#"{"prompt_tokens":"7","completion_tokens":2.0}"#),
        );
        check(
            r#"{"input_tokens":3,"input_tokens_details":{"cached_tokens":9}}"#,
            [0, 0, 9, 0],
            Some(r#"{"input_tokens_details":{"cached_tokens":9}}"#),
        );
        check(
            r#"{"prompt_tokens_details":null,"prompt_tokens":-1}"#,
            [0; 4],
            Some(r#"{"prompt_tokens":-1}"#),
        );
        check("7", [0; 4], None);
    }
}
