//! One reply of a model that may be the answer.

use std::sync::Arc;

use agent_core::{Block, Delta, Message, Response, StopReason, message::ToolCall, model::Fold};

use super::answer_tool::AnswerTool;

/// A reply as it comes in. Its end is held back until it is known whether the answer fits, and so
/// are calls of the answer tool.
pub(super) struct Reply {
    tool: Option<AnswerTool>,
    /// Whether the server's record is the same as ours after this reply. Then the id of the reply is
    /// kept, and later requests may refer to it.
    keeps_id: bool,
    fold: Fold,
    /// The indexes of the answer tool's calls.
    held: Vec<usize>,
    /// The index of the next block.
    next: usize,
    end: Vec<Delta>,
}

/// A reply at its end.
pub(super) enum Ended {
    /// It is no answer: it has calls, or it was cut or refused. These are its last pieces.
    NoAnswer(Vec<Delta>),
    /// It is an answer.
    Answer(Answer),
}

pub(super) struct Answer {
    /// The text to check; or why there is none.
    pub(super) text: Result<String, String>,
    /// What the model said, for a request that corrects it.
    pub(super) said: Message,
    /// The last pieces of the reply, if it is handed on.
    pub(super) end: Vec<Delta>,
}

impl Reply {
    pub(super) fn new(tool: Option<AnswerTool>, keeps_id: bool) -> Self {
        let keeps_id = keeps_id && tool.is_none();
        Self { tool, keeps_id, fold: Fold::default(), held: Vec::new(), next: 0, end: Vec::new() }
    }

    /// Takes in a piece, and returns what is handed on now.
    pub(super) fn push(&mut self, delta: Delta) -> Option<Delta> {
        // An error in it is found again by whoever reads what is handed on.
        let _ = self.fold.push(delta.clone());
        match delta {
            Delta::Start { model, usage, extra, id } => {
                Some(Delta::Start { id: id.filter(|_| self.keeps_id), model, usage, extra })
            }
            Delta::Block { index, block } if self.is_answer(&block) => {
                self.held.push(index);
                None
            }
            Delta::Block { index, block } => Some(Delta::Block { index: self.place(index)?, block }),
            Delta::Piece { index, piece } => Some(Delta::Piece { index: self.place(index)?, piece }),
            Delta::BlockEnd { index } => Some(Delta::BlockEnd { index: self.place(index)? }),
            Delta::Stop { .. } | Delta::Complete(_) => {
                self.end.push(delta);
                None
            }
            Delta::Restarted { .. } => {
                *self = Self::new(self.tool.take(), self.keeps_id);
                Some(delta)
            }
            other => Some(other),
        }
    }

    fn is_answer(&self, block: &Block) -> bool {
        self.tool.as_ref().is_some_and(|tool| tool.is_called_by(block))
    }

    /// The index of a block among those that are handed on; `None` if it is held back.
    fn place(&mut self, index: usize) -> Option<usize> {
        if self.held.contains(&index) {
            return None;
        }
        let place = index - self.held.iter().filter(|held| **held < index).count();
        self.next = self.next.max(place + 1);
        Some(place)
    }

    /// The reply has ended.
    pub(super) fn end(self) -> Ended {
        let Self { tool, keeps_id, fold, next, end, .. } = self;
        let Ok(response) = fold.finish() else { return Ended::NoAnswer(end) };
        let is_own = |call: &&Arc<ToolCall>| tool.as_ref().is_some_and(|tool| call.name == tool.name);
        let given = response.tool_calls().filter(is_own).last().cloned();
        let has_others = response.tool_calls().any(|call| !is_own(&call));
        let reason = &response.stop_reason;
        match given {
            None if has_others || !is_end(reason) => Ended::NoAnswer(end),
            None => {
                let said = Message::assistant(response.content.clone());
                let end = end.into_iter().map(|delta| with_id(delta, keeps_id)).collect();
                Ended::Answer(Answer { text: Ok(said.text()), said, end })
            }
            // The other calls are made first. Then the model has to answer again.
            Some(_) if has_others => Ended::NoAnswer(answered(end, next, None, &tool)),
            Some(call) => {
                let text = call.input.text().to_owned();
                let end = answered(end, next, Some(&text), &tool);
                if !reason.runs_calls() {
                    return Ended::NoAnswer(end);
                }
                let text = match call.malformed() {
                    Some(why) => Err(why.to_string()),
                    None => Ok(text.clone()),
                };
                Ended::Answer(Answer { said: said(&response, call.input.text()), text, end })
            }
        }
    }
}

fn is_end(reason: &StopReason) -> bool {
    matches!(reason, StopReason::EndTurn | StopReason::StopSequence)
}

fn said(response: &Response, answer: &str) -> Message {
    let others = response.content.iter().filter(|block| block.as_tool_use().is_none()).cloned();
    Message::assistant(others.chain([Block::text(answer)]).collect::<Vec<Block>>())
}

fn with_id(delta: Delta, keeps_id: bool) -> Delta {
    match delta {
        Delta::Complete(mut response) if !keeps_id => {
            Arc::make_mut(&mut response).id = None;
            Delta::Complete(response)
        }
        other => other,
    }
}

/// The end of a reply whose calls of the answer tool are replaced by text, or left out.
fn answered(end: Vec<Delta>, next: usize, text: Option<&str>, tool: &Option<AnswerTool>) -> Vec<Delta> {
    let ends = |reason: StopReason| match text.is_some() && reason.runs_calls() {
        true => StopReason::EndTurn,
        false => reason,
    };
    let mut pieces = Vec::new();
    for delta in end {
        match delta {
            Delta::Complete(mut whole) => {
                let response = Arc::make_mut(&mut whole);
                response.content.retain(|block| !tool.as_ref().is_some_and(|tool| tool.is_called_by(block)));
                response.content.extend(text.map(Block::text));
                response.stop_reason = ends(response.stop_reason.clone());
                response.id = None;
                pieces.push(Delta::Complete(whole));
            }
            Delta::Stop { stop_reason, stop_details, usage, extra } => {
                if let Some(text) = text.filter(|_| pieces.is_empty()) {
                    pieces.extend([Delta::words(next, text), Delta::BlockEnd { index: next }]);
                }
                pieces.push(Delta::Stop { stop_reason: ends(stop_reason), stop_details, usage, extra });
            }
            other => pieces.push(other),
        }
    }
    pieces
}
