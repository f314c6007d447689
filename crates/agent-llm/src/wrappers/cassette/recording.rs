//! One recording: a request and its reply, as one line of JSON.

use agent_core::{Delta, Json, LlmError};
use serde::Deserialize;

use super::{
    clean::Clean,
    reply::{Growing, Part, join_changed, parts},
    tree::Tree,
};

/// The form of the lines.
const VERSION: u32 = 1;

/// A recording, as it is read from its line.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recording {
    #[serde(rename = "version")]
    _version: u32,
    /// Of the recordings of one question, those of the highest number count.
    #[serde(default = "first")]
    pub(super) take: u32,
    pub(super) request: Json,
    reply: Vec<Part>,
    #[serde(default)]
    error: Option<LlmError>,
}

fn first() -> u32 {
    1
}

/// What every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Recording {
    /// Reads a line. The error says what is wrong with it.
    pub(super) fn read(line: &str) -> Result<Self, String> {
        match serde_json::from_str(line) {
            Ok(Versioned { version }) if version != VERSION => {
                Err(format!("it has version {version}, and this library reads version {VERSION}"))
            }
            _ => Json::read(line)
                .map_err(|error| error.to_string())?
                .parse()
                .map_err(|error: agent_core::message::InvalidJson| error.to_string()),
        }
    }

    /// What the backend yielded, and yields again.
    pub(super) fn reply(&self) -> Vec<Result<Delta, LlmError>> {
        let deltas = self.reply.iter().cloned().flat_map(Part::deltas).map(Ok);
        deltas.chain(self.error.clone().map(Err)).collect()
    }
}

/// What is to be written of a request and its reply.
pub(super) struct Taken {
    pub(super) take: u32,
    pub(super) question: Tree,
    pub(super) reply: Vec<Delta>,
    pub(super) error: Option<LlmError>,
}

impl Taken {
    /// The line, without secrets and with its line feed. It can be read again, or else this is an
    /// error.
    pub(super) fn line(self, clean: &Clean) -> Result<String, String> {
        let line = self.written(clean).map_err(|error| error.to_string())?;
        Recording::read(&line).map_err(|reason| format!("it could not be read again: {reason}"))?;
        Ok(line)
    }

    fn written(self, clean: &Clean) -> Result<String, serde_json::Error> {
        let reply = join_changed(self.reply, |growing, text| {
            let new = match growing {
                // The input may be in pieces that are no JSON by themselves.
                Growing::Input(_) if Json::read(text).is_ok() => clean.scrubbed_json(text),
                _ => clean.scrubbed(text),
            };
            (new != text).then(|| new.into_owned())
        });
        let mut line = format!(r#"{{"version":{VERSION}"#);
        if self.take != first() {
            line.push_str(&format!(r#","take":{}"#, self.take));
        }
        line.push_str(&format!(r#","request":{},"reply":["#, self.question.json()));
        for (place, part) in parts(reply).into_iter().enumerate() {
            if place > 0 {
                line.push(',');
            }
            let json = serde_json::to_string(&part)?;
            match part.is_pieces() {
                true => line.push_str(&json),
                false => line.push_str(&clean.scrubbed_json(&json)),
            }
        }
        line.push(']');
        if let Some(error) = &self.error {
            line.push_str(&format!(r#","error":{}"#, without_nulls(error, clean)?));
        }
        line.push('}');
        // Between the parts of JSON a line break is as good as a space, and inside of texts there
        // is none.
        let mut line = line.replace(['\n', '\r'], " ");
        line.push('\n');
        Ok(line)
    }
}

/// An error with the fields that are known.
fn without_nulls(error: &LlmError, clean: &Clean) -> Result<String, serde_json::Error> {
    let json = serde_json::to_string(error)?;
    let mut tree = Tree::read(&clean.scrubbed_json(&json));
    if let Tree::Object(fields) = &mut tree {
        fields.retain(|(_, value)| !value.is_null());
    }
    Ok(tree.json())
}
