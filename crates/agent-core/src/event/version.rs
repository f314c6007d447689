//! The version of the JSON of events, and how events are read.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Deserializer, Serialize};

use super::{Event, EventKind};
use crate::{
    Json,
    message::tagged::{milliseconds, other_kind},
};

/// The version of the JSON from which an event was read. It is written again as it was: what a later
/// version means by the event may not be what this one means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Version(u32);

impl Version {
    pub(super) const NUMBER: u32 = 1;
}

/// The version of what this library writes. Events that have none are of the first.
impl Default for Version {
    fn default() -> Self {
        Self(Self::NUMBER)
    }
}

/// Any version is accepted.
impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let version: Option<u32> = Json::deserialize(deserializer)?.parse().ok();
        Ok(version.map_or_else(Self::default, Self))
    }
}

/// An event whose kind is still JSON. How it is read depends on the version, which may come later.
#[derive(Deserialize)]
pub(super) struct EventJson {
    #[serde(default)]
    v: Version,
    #[serde(with = "milliseconds")]
    at_ms: Duration,
    conversation: Arc<str>,
    depth: u32,
    agent: Arc<str>,
    kind: Json,
}

/// A kind that a later version has changed is kept as one that is not known.
impl TryFrom<EventJson> for Event {
    type Error = serde_json::Error;

    fn try_from(json: EventJson) -> Result<Self, Self::Error> {
        let EventJson { v, at_ms, conversation, depth, agent, kind } = json;
        let kind = match serde_json::from_str(kind.text()) {
            Err(_) if v.0 > Version::NUMBER => {
                let (kind, value) = other_kind(&kind)?;
                EventKind::Other { kind, value }
            }
            read => read?,
        };
        Ok(Self { version: v, at: at_ms, conversation, depth, agent, kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads an event with this version and kind, and writes it again.
    fn check(v: &str, kind: &str, expected: Result<&str, &str>) {
        let json = |v: &str, kind: &str| {
            format!(r#"{{{v}"at_ms":1.5,"conversation":"run","depth":0,"agent":"main","kind":{kind}}}"#)
        };
        let read: Result<Event, _> = serde_json::from_str(&json(v, kind));
        let written =
            read.map(|event| serde_json::to_string(&event).unwrap()).map_err(|error| error.to_string());
        match expected {
            Ok(v) => assert_eq!(written, Ok(json(v, kind)), "{v} {kind}"),
            Err(part) => assert!(written.clone().unwrap_err().contains(part), "{v} {kind}: {written:?}"),
        }
    }

    #[test]
    fn an_event_of_a_later_version_is_written_again_as_it_was() {
        let known = r#"{"kind":"transferred","value":{"from":"a"}}"#;
        check("", known, Ok(r#""v":1,"#));
        check(r#""v":1,"#, known, Ok(r#""v":1,"#));
        check(r#""v":7,"#, known, Ok(r#""v":7,"#));
        check(r#""v":7,"#, r#"{"kind":"sung","value":[1,12345678901234567890123]}"#, Ok(r#""v":7,"#));
        // What the first version would refuse, a later one may mean.
        let changed = r#"{"kind":"transferred","value":{"to":{"agents":["a"]}}}"#;
        check(r#""v":2,"#, changed, Ok(r#""v":2,"#));
        check(r#""v":1,"#, changed, Err("missing field `from`"));
        check("", changed, Err("missing field `from`"));
        check(r#""v":2,"#, r#"{"value":1}"#, Err("missing field `kind`"));
        check(r#""v":"two","#, known, Ok(r#""v":1,"#));
    }

    #[test]
    fn what_a_model_wrote_as_input_is_kept_to_the_letter() {
        for input in [r#"{"n":9007199254740993,"x":1e400}"#, r#"{"a":1,"a":2}"#, r#"{ "q" : "</script>" }"#] {
            let kind =
                format!(r#"{{"kind":"call_started","value":{{"id":"a","tool":"t","input":{input}}}}}"#);
            check(r#""v":1,"#, &kind, Ok(r#""v":1,"#));
        }
    }
}
