//! Collects the pieces of a reply into the reply.

mod delta_validator;
mod draft;
mod part;
mod size;

use std::{collections::BTreeMap, sync::Arc};

pub use delta_validator::DeltaValidator;
use draft::Draft;
use futures::{Stream, StreamExt, pin_mut};
use size::Size;

use crate::{
    Block, BlockKind, Delta, Json, LlmError, Response, SharedText, StopReason, Usage, message::fields::Fields,
};

/// Collects the [`Delta`]s of one request into a [`Response`].
///
/// A reply may have 64 MiB, where each delta counts as its content plus 64 bytes. A longer reply
/// fails with [`TooLong`](crate::model::LlmErrorKind::TooLong).
#[derive(Debug, Default)]
pub struct Fold {
    outline: DeltaValidator,
    size: Size,
    id: Option<SharedText>,
    model: Option<SharedText>,
    /// Each block's index and content, in the order in which the blocks began. Usually this is the
    /// order of the indexes.
    drafts: Vec<(usize, Draft)>,
    stop: Option<(StopReason, Option<Json>)>,
    usage: Usage,
    /// Usage of earlier attempts.
    broken_off: Usage,
    extra: BTreeMap<String, Json>,
    whole: Option<Arc<Response>>,
}

impl Fold {
    /// Adds the next piece. Fails if the piece does not fit the pieces before it, or if the reply
    /// becomes too long.
    pub fn push(&mut self, delta: Delta) -> Result<(), LlmError> {
        self.outline.push(&delta)?;
        self.size.add(&delta)?;
        match delta {
            Delta::Start { id, model, usage, extra } => {
                (self.id, self.model) = (id, model);
                self.usage.update(&usage);
                self.keep(extra);
            }
            Delta::Block { index, block } => self.begin(index, block),
            Delta::Piece { index, piece } => self.draft(index).push(piece),
            Delta::BlockEnd { .. } | Delta::Notice(_) | Delta::Other { .. } => {}
            Delta::Stop { stop_reason, stop_details, usage, extra } => {
                // A later `Stop` that only brings counts does not replace the reason.
                if self.stop.is_none() || stop_reason != StopReason::open() {
                    self.stop = Some((stop_reason, stop_details));
                }
                self.usage.update(&usage);
                self.keep(extra);
            }
            Delta::Complete(response) => self.whole = Some(response),
            Delta::Restarted { .. } => {
                let mut broken_off = self.spent();
                broken_off.broken_off.attempts += 1;
                *self = Self { broken_off, size: self.size, ..Self::default() };
            }
        }
        Ok(())
    }

    /// The block at this index begins. The outline has checked that it is a new one.
    fn begin(&mut self, index: usize, block: Block) {
        self.drafts.push((index, Draft::of(block)));
    }

    /// The draft of the block at this index. Only text may come without a `Block` before it.
    fn draft(&mut self, index: usize) -> &mut Draft {
        let number = self.outline.find(index).expect("the outline has seen it begin");
        if number == self.drafts.len() {
            self.begin(index, Block::text(""));
        }
        &mut self.drafts[number].1
    }

    /// The blocks so far from index `from` on, as if nothing more came. It relies on blocks that
    /// begin in the order of their indexes.
    pub(crate) fn blocks(&self, from: usize) -> impl Iterator<Item = (usize, &Block)> {
        let first = self.drafts.partition_point(|(place, _)| *place < from);
        self.drafts[first..].iter().map(|(place, draft)| (*place, draft.block()))
    }

    /// The tokens used so far, including earlier attempts, for a reply that breaks off here. All of
    /// them count as [broken off](Usage::broken_off).
    pub fn spent(&self) -> Usage {
        let mut spent = self.broken_off;
        spent += self.whole.as_ref().map_or(self.usage, |whole| whole.usage);
        spent.of_broken_off()
    }

    /// The text so far, as a reply that was cut off here. It has nothing but text. `None` if there
    /// is no text.
    pub(crate) fn cut_short(&self) -> Option<Response> {
        let texts = |blocks: &mut dyn Iterator<Item = &Block>| -> Vec<Block> {
            let texts = blocks.filter(|block| !block.is_blank()).filter_map(Block::as_text);
            // Citations are left out, because what they point to is not kept.
            texts.map(Block::text).collect()
        };
        let (content, mut usage) = match &self.whole {
            Some(whole) => (texts(&mut whole.content.iter()), whole.usage),
            None => (texts(&mut self.blocks(0).map(|(_, block)| block)), self.usage),
        };
        usage += self.broken_off;
        (!content.is_empty()).then(|| Response::new(content, StopReason::Cancelled).with_usage(usage))
    }

    /// Adds the tokens used so far to the error that ended the reply, and returns the error.
    pub fn fail(&self, mut error: LlmError) -> LlmError {
        let mut usage = self.spent();
        usage += error.usage();
        error.usage = (usage != Usage::default()).then(|| usage.into());
        error
    }

    /// Returns the whole reply. Its usage includes earlier attempts. Fails if the reply broke off
    /// before its end.
    pub fn finish(self) -> Result<Response, LlmError> {
        self.outline.finish().map_err(|error| self.fail(error))?;
        let broken_off = self.broken_off;
        let mut reply = self.reply();
        reply.usage += broken_off;
        Ok(reply)
    }

    fn reply(mut self) -> Response {
        if let Some(whole) = self.whole {
            return Arc::unwrap_or_clone(whole);
        }
        self.drafts.sort_by_key(|(place, _)| *place);
        let (stop_reason, stop_details) = self.stop.expect("the outline has seen the end");
        let content: Vec<Block> = self.drafts.into_iter().map(|(_, draft)| draft.into_block()).collect();
        let Self { id, model, usage, extra, .. } = self;
        // In a reply that is not streamed, the API names the last model, so do the same here.
        let model = content.iter().rev().find_map(went_on).or(model);
        Response { id, model, usage, stop_details, extra, ..Response::new(content, stop_reason) }
    }

    /// Keeps other fields. Those inside `usage` are merged; any other field of the reply's end
    /// replaces that of its start.
    fn keep(&mut self, mut extra: BTreeMap<String, Json>) {
        extra.retain(|name, _| !Response::is_named(name));
        if let (Some(old), Some(new)) = (self.extra.get("usage"), extra.get_mut("usage")) {
            let mut both = Fields::of(old.text()).unwrap_or_default();
            both.extend(Fields::of(new.text()).unwrap_or_default());
            *new = both.json();
        }
        self.extra.extend(extra);
    }
}

/// The model of a `fallback` block: it continued where another model declined.
fn went_on(block: &Block) -> Option<SharedText> {
    let BlockKind::Other(kind) = block.kind() else { return None };
    let to = (kind == "fallback").then(|| block.field("to"))??;
    Fields::of(to.text()).ok()?.read("model")
}

/// Reads the stream of a backend to its end and returns the whole reply. Calls `see` with each
/// piece first, for example to show the reply while it streams.
pub async fn fold(
    stream: impl Stream<Item = Result<Delta, LlmError>>,
    mut see: impl FnMut(&Delta),
) -> Result<Response, LlmError> {
    pin_mut!(stream);
    let mut fold = Fold::default();
    while let Some(delta) = stream.next().await {
        let delta = delta.map_err(|error| fold.fail(error))?;
        see(&delta);
        fold.push(delta).map_err(|error| fold.fail(error))?;
    }
    fold.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Counts, LlmErrorKind, Piece};

    fn check(deltas: impl IntoIterator<Item = Delta>, expected: &[&str]) {
        let mut fold = Fold::default();
        for delta in deltas {
            fold.push(delta).unwrap();
        }
        let response = fold.finish().unwrap();
        let texts: Vec<&str> = response.content.iter().map(|block| block.json().text()).collect();
        assert_eq!(texts, expected);
    }

    fn begin(index: usize, block: impl Into<Json>) -> Delta {
        Delta::Block { index, block: Block::from_json(block.into()).unwrap() }
    }

    fn piece(index: usize, piece: Piece) -> Delta {
        Delta::Piece { index, piece }
    }

    fn input(index: usize, text: &str) -> Delta {
        piece(index, Piece::Input(text.to_owned()))
    }

    #[test]
    fn fault_10_parallel_deltas_do_not_collapse_to_index_0() {
        let call = |id: &str| json!({"type": "tool_use", "id": id, "name": "f", "input": {}});
        check(
            [
                begin(0, call("a")),
                begin(1, call("b")),
                input(0, r#"{"x""#),
                input(1, r#"{"y":2}"#),
                input(0, ":1}"),
                Delta::stop(StopReason::ToolUse),
            ],
            &[
                r#"{"id":"a","input":{"x":1},"name":"f","type":"tool_use"}"#,
                r#"{"id":"b","input":{"y":2},"name":"f","type":"tool_use"}"#,
            ],
        );
    }

    #[test]
    fn fault_19_the_history_holds_the_assembled_input_and_no_raw_delta() {
        check(
            [
                begin(0, json!({"type": "tool_use", "id": "a", "name": "f", "input": {}})),
                input(0, r#"{"city":"#),
                input(0, r#" "Oslo"}"#),
                Delta::BlockEnd { index: 0 },
                Delta::stop(StopReason::ToolUse),
            ],
            &[r#"{"id":"a","input":{"city": "Oslo"},"name":"f","type":"tool_use"}"#],
        );
    }

    #[test]
    fn fault_20_a_call_without_input_json_has_the_empty_object() {
        let call = Delta::call(0, "a", "f", json!({}));
        let expected = r#"{"type":"tool_use","id":"a","name":"f","input":{}}"#;
        check([call, input(0, ""), Delta::stop(StopReason::ToolUse)], &[expected]);
    }

    #[test]
    fn fault_28_unknown_blocks_and_deltas_are_kept_and_passed_over() {
        check(
            [
                begin(0, json!({"type": "holo", "z": 1})),
                piece(0, Piece::Other(json!({"type": "holo_delta"}).into())),
                Delta::words(1, "hi"),
                Delta::stop(StopReason::EndTurn),
            ],
            &[r#"{"type":"holo","z":1}"#, r#"{"type":"text","text":"hi"}"#],
        );
    }

    #[test]
    fn a_compaction_is_kept_whole() {
        let summary =
            json!({"type": "compaction_delta", "content": "All is well.", "encrypted_content": "eA=="});
        check(
            [
                begin(0, json!({"type": "compaction", "content": null})),
                piece(0, Piece::Other(json!({"type": "holo_delta", "content": "not here"}).into())),
                piece(0, Piece::Other(summary.into())),
                Delta::stop(StopReason::Compaction),
            ],
            &[r#"{"content":"All is well.","type":"compaction","encrypted_content":"eA=="}"#],
        );
    }

    #[test]
    fn a_reply_is_by_the_model_that_went_on() {
        let fallback = |to: &str| json!({"type": "fallback", "from": {"model": "a"}, "to": {"model": to}});
        let mut fold = Fold::default();
        let start =
            Delta::Start { id: None, model: Some("a".into()), usage: Default::default(), extra: [].into() };
        for delta in [start, begin(0, fallback("b")), begin(1, fallback("c")), Delta::words(2, "hi")] {
            fold.push(delta).unwrap();
        }
        fold.push(Delta::stop(StopReason::EndTurn)).unwrap();
        assert_eq!(fold.finish().unwrap().model.as_deref(), Some("c"));
    }

    #[test]
    fn fault_35_a_thinking_signature_is_kept_also_when_the_thinking_is_empty() {
        check(
            [
                begin(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
                piece(0, Piece::Signature("c2ln".to_owned())),
                Delta::stop(StopReason::EndTurn),
            ],
            &[r#"{"signature":"c2ln","thinking":"","type":"thinking"}"#],
        );
    }

    #[test]
    fn fault_27_a_reply_without_its_end_is_an_error() {
        let mut fold = Fold::default();
        fold.push(Delta::words(0, "half a")).unwrap();
        assert_eq!(fold.finish().unwrap_err().kind, LlmErrorKind::Incomplete);
    }

    #[test]
    fn input_of_a_call_that_never_began_is_an_error_and_words_begin_a_block() {
        let mut fold = Fold::default();
        assert_eq!(fold.push(input(0, "{}")).unwrap_err().kind, LlmErrorKind::Malformed);
        check([Delta::words(3, "hi"), Delta::stop(StopReason::EndTurn)], &[r#"{"type":"text","text":"hi"}"#]);
        let whole = Delta::call(0, "a", "f", json!({"x": 1}));
        let expected = r#"{"type":"tool_use","id":"a","name":"f","input":{"x":1}}"#;
        check([whole, Delta::stop(StopReason::ToolUse)], &[expected]);
    }

    #[test]
    fn a_field_that_is_not_in_its_place_does_not_stand_for_the_one_that_is() {
        let extra = || [("stop_reason".to_owned(), json!("max_tokens").into())].into();
        let stop = (StopReason::EndTurn, None, Box::<Counts>::default());
        let mut fold = Fold::default();
        fold.push(Delta::Start { id: None, model: None, usage: stop.2.clone(), extra: extra() }).unwrap();
        fold.push(Delta::Stop { stop_reason: stop.0, stop_details: stop.1, usage: stop.2, extra: extra() })
            .unwrap();
        let reply = fold.finish().unwrap();
        assert!(reply.extra.is_empty());
        assert!(serde_json::to_string(&reply).unwrap().contains(r#""stop_reason":"end_turn""#));
    }

    #[test]
    fn invariant_6_a_block_that_came_whole_is_kept_as_it_came() {
        let block = r#"{ "type":"tool_use","id":"a", "name":"f","input":{ } }"#;
        let begun = begin(0, Json::read(block).unwrap());
        check([begun, input(0, ""), Delta::stop(StopReason::ToolUse)], &[block]);
    }

    #[test]
    fn a_reason_to_stop_is_not_taken_back_and_no_block_begins_twice() {
        let mut fold = Fold::default();
        fold.push(Delta::call(0, "a", "f", json!({}))).unwrap();
        assert_eq!(fold.push(Delta::call(0, "b", "f", json!({}))).unwrap_err().kind, LlmErrorKind::Malformed);
        fold.push(Delta::stop(StopReason::ToolUse)).unwrap();
        fold.push(Delta::stop(StopReason::open())).unwrap();
        assert_eq!(fold.finish().unwrap().stop_reason, StopReason::ToolUse);
    }

    #[test]
    fn a_restart_drops_what_came_before() {
        let restarted = Delta::Restarted { reason: "cut".to_owned() };
        check(
            [Delta::words(0, "half"), restarted, Delta::words(0, "whole"), Delta::stop(StopReason::EndTurn)],
            &[r#"{"type":"text","text":"whole"}"#],
        );
    }
}
