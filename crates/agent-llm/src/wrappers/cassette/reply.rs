//! A reply as it is written in a cassette: the same pieces, in a form that people can read.

use std::{collections::BTreeMap, mem};

use agent_core::{
    Block, Delta, Json, SharedText, StopReason,
    model::{Counts, Piece},
};
use serde::{Deserialize, Serialize, Serializer, ser::Error};
use serde_json::Value;

/// A part of a recorded reply. Pieces that follow each other in one block are one part.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Part {
    Start {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<SharedText>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<SharedText>,
        #[serde(default, skip_serializing_if = "is_unknown", serialize_with = "known")]
        usage: Box<Counts>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        extra: BTreeMap<String, Json>,
    },
    Block {
        index: usize,
        block: Block,
    },
    Text(Pieces),
    Thinking(Pieces),
    Input(Pieces),
    BlockEnd {
        index: usize,
    },
    Stop {
        stop_reason: StopReason,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stop_details: Option<Json>,
        #[serde(default, skip_serializing_if = "is_unknown", serialize_with = "known")]
        usage: Box<Counts>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        extra: BTreeMap<String, Json>,
    },
    /// Any other delta, in its own form.
    Delta(Delta),
}

/// The pieces that follow each other in one block, as they came.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pieces {
    index: usize,
    pieces: Vec<String>,
}

fn is_unknown(counts: &Counts) -> bool {
    *counts == Counts::default()
}

/// Writes the counts that are known.
fn known<S: Serializer>(counts: &Counts, serializer: S) -> Result<S::Ok, S::Error> {
    let mut counts = serde_json::to_value(counts).map_err(S::Error::custom)?;
    if let Value::Object(fields) = &mut counts {
        fields.retain(|_, count| !count.is_null());
    }
    counts.serialize(serializer)
}

/// The parts of a reply of these deltas.
pub(super) fn parts(deltas: Vec<Delta>) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for delta in deltas {
        let part = Part::of(delta);
        match (parts.last_mut(), part) {
            (Some(Part::Text(last)), Part::Text(next))
            | (Some(Part::Thinking(last)), Part::Thinking(next))
            | (Some(Part::Input(last)), Part::Input(next))
                if last.index == next.index =>
            {
                last.pieces.extend(next.pieces);
            }
            (_, part) => parts.push(part),
        }
    }
    parts
}

impl Part {
    fn of(delta: Delta) -> Self {
        let pieces = |index, piece| Pieces { index, pieces: vec![piece] };
        match delta {
            Delta::Start { id, model, usage, extra } => Self::Start { id, model, usage, extra },
            Delta::Block { index, block } => Self::Block { index, block },
            Delta::Piece { index, piece: Piece::Text(piece) } => Self::Text(pieces(index, piece)),
            Delta::Piece { index, piece: Piece::Thinking(piece) } => Self::Thinking(pieces(index, piece)),
            Delta::Piece { index, piece: Piece::Input(piece) } => Self::Input(pieces(index, piece)),
            Delta::BlockEnd { index } => Self::BlockEnd { index },
            Delta::Stop { stop_reason, stop_details, usage, extra } => {
                Self::Stop { stop_reason, stop_details, usage, extra }
            }
            other => Self::Delta(other),
        }
    }

    /// The deltas that this part was made of.
    pub(super) fn deltas(self) -> Vec<Delta> {
        let each = |Pieces { index, pieces }, piece: fn(String) -> Piece| {
            pieces.into_iter().map(|text| Delta::Piece { index, piece: piece(text) }).collect()
        };
        match self {
            Self::Text(pieces) => each(pieces, Piece::Text),
            Self::Thinking(pieces) => each(pieces, Piece::Thinking),
            Self::Input(pieces) => each(pieces, Piece::Input),
            Self::Start { id, model, usage, extra } => vec![Delta::Start { id, model, usage, extra }],
            Self::Block { index, block } => vec![Delta::Block { index, block }],
            Self::BlockEnd { index } => vec![Delta::BlockEnd { index }],
            Self::Stop { stop_reason, stop_details, usage, extra } => {
                vec![Delta::Stop { stop_reason, stop_details, usage, extra }]
            }
            Self::Delta(delta) => vec![delta],
        }
    }

    /// Whether these are texts that [`join_changed`] has seen.
    pub(super) fn is_pieces(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Thinking(_) | Self::Input(_))
    }
}

/// What a piece is a part of: the index of its block, and what of the block grows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Growing {
    Text(usize),
    Thinking(usize),
    Input(usize),
}

/// Shows all pieces of a block to `change` as one text. What it changes becomes one piece, since
/// what it took out may have been in several.
pub(super) fn join_changed(
    deltas: Vec<Delta>,
    change: impl Fn(Growing, &str) -> Option<String>,
) -> Vec<Delta> {
    let (mut done, mut attempt) = (Vec::new(), Vec::new());
    for delta in deltas {
        let is_restart = matches!(delta, Delta::Restarted { .. });
        attempt.push(delta);
        if is_restart {
            done.extend(join_changed_once(mem::take(&mut attempt), &change));
        }
    }
    done.extend(join_changed_once(attempt, &change));
    done
}

fn join_changed_once(
    mut deltas: Vec<Delta>,
    change: &impl Fn(Growing, &str) -> Option<String>,
) -> Vec<Delta> {
    let mut texts: BTreeMap<Growing, String> = BTreeMap::new();
    for delta in &mut deltas {
        if let Some((growing, text)) = grown(delta) {
            texts.entry(growing).or_default().push_str(text);
        }
    }
    let mut changed: BTreeMap<Growing, Option<String>> = BTreeMap::new();
    for (growing, text) in texts {
        changed.extend(change(growing, &text).map(|new| (growing, Some(new))));
    }
    deltas.retain_mut(|delta| {
        let Some((growing, text)) = grown(delta) else { return true };
        match changed.get_mut(&growing) {
            None => true,
            Some(new) => new.take().map(|new| *text = new).is_some(),
        }
    });
    deltas
}

fn grown(delta: &mut Delta) -> Option<(Growing, &mut String)> {
    let Delta::Piece { index, piece } = delta else { return None };
    match piece {
        Piece::Text(text) => Some((Growing::Text(*index), text)),
        Piece::Thinking(text) => Some((Growing::Thinking(*index), text)),
        Piece::Input(text) => Some((Growing::Input(*index), text)),
        _ => None,
    }
}
