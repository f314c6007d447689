//! The fields of an object of which little is needed.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use agent_core::{Json, message::InvalidJson};
use serde::de::DeserializeOwned;

/// The fields of an object. One that is missing, or is not what was expected, is nothing: APIs
/// change faster than their clients.
pub(crate) struct ObjectFields(BTreeMap<String, Json>);

impl ObjectFields {
    /// An error if the JSON is no object.
    pub(crate) fn of(json: &Json) -> Result<Self, InvalidJson> {
        json.parse().map(Self)
    }

    pub(crate) fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.0.get(name)?.parse().ok()
    }

    /// A time that is written as RFC 3339 or as seconds since 1970.
    pub(crate) fn time(&self, name: &str) -> Option<SystemTime> {
        let in_seconds = || Some(SystemTime::UNIX_EPOCH + Duration::from_secs(self.get(name)?));
        let text: Option<String> = self.get(name);
        let text = text.map(|text| text.trim_end_matches("+00:00").trim_end_matches('Z').to_owned() + "Z");
        text.and_then(|text| humantime::parse_rfc3339(&text).ok()).or_else(in_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_date_or_seconds_and_what_is_neither_is_nothing() {
        let check = |value: &str, milliseconds: Option<u64>| {
            let json = Json::read(format!(r#"{{"at":{value}}}"#)).unwrap();
            let expected = milliseconds.map(|time| SystemTime::UNIX_EPOCH + Duration::from_millis(time));
            assert_eq!(ObjectFields::of(&json).unwrap().time("at"), expected, "{value}");
        };
        check(r#""1970-01-01T00:00:02Z""#, Some(2_000));
        check(r#""1970-01-01T00:00:02.500Z""#, Some(2_500));
        check(r#""1970-01-01T00:00:02+00:00""#, Some(2_000));
        check("2", Some(2_000));
        check(r#""soon""#, None);
        check("null", None);
        check("-1", None);
    }
}
