//! A count, in the forms that servers write.

use std::fmt;

use serde::{
    Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// The smallest float above which not every whole number is a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Reads a count. Anything that is not one (`null`, a negative number, a list) counts as absent,
/// because a paid reply must not be lost for it.
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    deserializer.deserialize_any(Count)
}

/// Reads a count. An absent one is 0.
pub(super) fn or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    count(deserializer).map(Option::unwrap_or_default)
}

struct Count;

impl<'de> Visitor<'de> for Count {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a count")
    }

    fn visit_u64<E: Error>(self, count: u64) -> Result<Self::Value, E> {
        Ok(Some(count))
    }

    fn visit_i64<E: Error>(self, count: i64) -> Result<Self::Value, E> {
        Ok(count.try_into().ok())
    }

    fn visit_f64<E: Error>(self, count: f64) -> Result<Self::Value, E> {
        Ok((0.0..EXACT).contains(&count).then_some(count as u64))
    }

    fn visit_str<E: Error>(self, count: &str) -> Result<Self::Value, E> {
        Ok(count.trim().parse().ok())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        count(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Usage, model::usage::Counts};

    #[test]
    fn field_57_a_count_is_read_however_it_is_written_and_what_is_none_is_absent() {
        let check = |written: &str, count: Option<u64>| {
            let counts: Counts = serde_json::from_str(&format!("{{\"output_tokens\":{written}}}")).unwrap();
            assert_eq!(counts.output_tokens, count, "{written}");
            let nested = format!("{{\"server_tool_use\":{{\"web_search_requests\":{written}}}}}");
            let usage: Usage = serde_json::from_str(&nested).unwrap();
            assert_eq!(usage.server_tool_use.web_search_requests, count.unwrap_or_default(), "{written}");
        };
        check("7", Some(7));
        check("18446744073709551615", Some(u64::MAX));
        check("7.0", Some(7));
        check("\"7\"", Some(7));
        for none in ["null", "-1", "-1.5", "1e300", "true", "\"many\"", "\"\"", "[1,[2]]", "{\"a\":{}}"] {
            check(none, None);
        }
    }
}
