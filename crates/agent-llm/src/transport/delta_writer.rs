//! From pieces without block boundaries to valid deltas.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
};

use agent_core::{
    Block, Delta, Json, LlmError, StopReason,
    model::{Counts, LlmErrorKind},
};

use super::block_order::{Grows, Lanes};

/// Writes the [`Delta`]s of a reply for an API whose streams have pieces but no blocks, as OpenAI's
/// chat completions have. You call a method for each piece. The writer opens and closes the blocks,
/// numbers them, and puts the end last.
///
/// Pieces may come in any order. The writer yields a valid reply, which
/// [`DeltaValidator`](crate::DeltaValidator) accepts, or an error:
///
/// - Text and thinking are passed on as they come. If the last block is of another kind, they begin
///   a new block.
/// - The input of a tool call is passed on as it comes, once the call's name is known.
/// - A run may start a call as soon as the next block begins. So the next block begins only when
///   the call before it has a complete input. Until then the writer holds back the pieces of later
///   blocks.
///
/// ```
/// use agent_llm::{Fold, StopReason, transport::DeltaWriter};
///
/// let mut reply = DeltaWriter::default();
/// reply.text("Let me look.")?;
/// reply.tool_call(0, Some("call_1"), Some("weather"), "")?;
/// reply.tool_call(0, None, None, r#"{"city": "#)?;
/// reply.tool_call(0, None, None, r#""Oslo"}"#)?;
/// reply.stop(StopReason::ToolUse);
/// reply.finish()?;
///
/// let mut fold = Fold::default();
/// while let Some(delta) = reply.pull() {
///     fold.push(delta)?;
/// }
/// let reply = fold.finish()?;
/// assert_eq!(reply.content[0].as_text(), Some("Let me look."));
/// assert_eq!(reply.content[1].as_tool_use().map(|call| call.input.text()), Some(r#"{"city": "Oslo"}"#));
/// # Ok::<(), agent_llm::LlmError>(())
/// ```
#[derive(Debug, Default)]
pub struct DeltaWriter {
    ready: VecDeque<Delta>,
    has_begun: bool,
    /// Puts the blocks one behind the other.
    blocks: Lanes,
    /// The text or thinking that was said last, if no call has begun since.
    last: Option<(usize, Grows)>,
    /// By the API's numbers.
    calls: BTreeMap<u64, Call>,
    stop: Option<StopReason>,
    usage: Counts,
    is_finished: bool,
}

impl DeltaWriter {
    /// Sets the API's id of the reply and the model that answers. Only the first call counts, so
    /// you may call this for every event that has the id and the model.
    pub fn start(&mut self, id: Option<&str>, model: Option<&str>) {
        if !mem::replace(&mut self.has_begun, true) {
            let (id, model) = (id.map(Into::into), model.map(Into::into));
            self.ready.push_back(Delta::Start { id, model, usage: Box::default(), extra: BTreeMap::new() });
        }
    }

    /// Adds a piece of the reply's text. Fails after [`finish`](Self::finish).
    pub fn text(&mut self, text: &str) -> Result<(), LlmError> {
        self.say(Grows::Text, Block::text(""), text)
    }

    /// Adds a piece of the model's thinking. The block has no signature. Fails after
    /// [`finish`](Self::finish).
    pub fn thinking(&mut self, thinking: &str) -> Result<(), LlmError> {
        self.say(Grows::Thinking, self::thinking(), thinking)
    }

    /// Adds a piece of a tool call. `number` is the API's own number of the call in this reply. The
    /// id and the name may come with any of the call's pieces, and more than once. `input` is the
    /// next part of the input; all parts together are a JSON object. Fails after
    /// [`finish`](Self::finish), or if more comes for a call whose input was complete.
    ///
    /// Some servers give all calls the same number. So a new call also begins with another id or
    /// another name, or with a name and an input after a complete input.
    pub fn tool_call(
        &mut self,
        number: u64,
        id: Option<&str>,
        name: Option<&str>,
        input: &str,
    ) -> Result<(), LlmError> {
        self.check_open()?;
        let piece = CallPiece { id: id.unwrap_or_default(), name: name.unwrap_or_default(), input };
        if piece.is_empty() {
            return Ok(());
        }
        match self.place_of(number, &piece)? {
            Place::Nowhere => return Ok(()),
            Place::At(block) => {
                self.blocks.name(block, piece.id, piece.name);
                self.blocks.grow(block, input.into());
                self.calls.entry(number).and_modify(|call| call.fill(&piece));
            }
            Place::New => {
                self.last = None;
                let block = self.blocks.begin_call(piece.id.to_owned(), piece.name.to_owned());
                self.blocks.grow(block, input.into());
                let (id, name) = (piece.id.to_owned(), piece.name.to_owned());
                self.calls.insert(number, Call { block, id, name });
            }
        }
        self.blocks.write(&mut self.ready);
        Ok(())
    }

    /// Sets why the reply ends. [`finish`](Self::finish) passes the reason on, because pieces and
    /// token counts may still come.
    pub fn stop(&mut self, reason: StopReason) {
        self.stop = Some(reason);
    }

    /// Sets how many tokens of input were read and how many of output were written. `None` keeps
    /// the count that was set before.
    pub fn tokens(&mut self, input: Option<u64>, output: Option<u64>) {
        self.usage.input_tokens = input.or(self.usage.input_tokens);
        self.usage.output_tokens = output.or(self.usage.output_tokens);
    }

    /// Sets all token counts of the reply, also those of a prompt cache. They replace all counts
    /// that were set before.
    pub fn usage(&mut self, counts: impl Into<Counts>) {
        self.usage = counts.into();
    }

    /// Whether a stop reason was said.
    pub(crate) fn has_stop(&self) -> bool {
        self.stop.is_some()
    }

    /// Whether [`finish`](Self::finish) has ended the reply.
    pub fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// Ends the reply: closes its blocks and passes on stop reason and token counts. Fails if no
    /// stop reason was set, because then the reply broke off, or if a tool call has no name.
    pub fn finish(&mut self) -> Result<(), LlmError> {
        if self.is_finished {
            return Ok(());
        }
        let broke_off = || LlmError::new(LlmErrorKind::Incomplete, "it ended without a stop reason");
        let stop_reason = self.stop.clone().ok_or_else(broke_off)?;
        if let Some(id) = self.blocks.nameless() {
            return Err(malformed(format!("tool call {id:?} has no name")));
        }
        self.blocks.end_all();
        self.blocks.write(&mut self.ready);
        let (usage, extra) = (Box::new(self.usage), BTreeMap::new());
        self.ready.push_back(Delta::Stop { stop_reason, stop_details: None, usage, extra });
        self.is_finished = true;
        Ok(())
    }

    /// Takes the next delta to yield. `None` if more pieces are needed first.
    pub fn pull(&mut self) -> Option<Delta> {
        self.ready.pop_front()
    }

    /// More words of text or thinking. They go on only where they stopped, since they are read in
    /// order.
    fn say(&mut self, grows: Grows, block: Block, words: &str) -> Result<(), LlmError> {
        self.check_open()?;
        if words.is_empty() {
            return Ok(());
        }
        let last = self.last.filter(|(_, last)| *last == grows);
        let number = last.map_or_else(|| self.blocks.begin(block, grows), |(number, _)| number);
        self.last = Some((number, grows));
        self.blocks.grow(number, words.into());
        self.blocks.write(&mut self.ready);
        Ok(())
    }

    fn check_open(&self) -> Result<(), LlmError> {
        match self.is_finished {
            true => Err(malformed("more of the reply came after its end".to_owned())),
            false => Ok(()),
        }
    }

    /// The call that a piece belongs to.
    fn place_of(&self, number: u64, piece: &CallPiece<'_>) -> Result<Place, LlmError> {
        let Some(Call { block, id, name }) = self.calls.get(&number) else { return Ok(Place::New) };
        let is_open = self.blocks.is_open(*block);
        let is_named = name.is_empty() || piece.name.is_empty() || piece.name == name;
        let is_same = match self.blocks.is_whole(*block) {
            true => !piece.is_another(id),
            false => is_named && (id.is_empty() || piece.id.is_empty() || piece.id == id),
        };
        match (is_same, is_open) {
            (false, _) => Ok(Place::New),
            (true, true) => Ok(Place::At(*block)),
            (true, false) if piece.input.trim().is_empty() => Ok(Place::Nowhere),
            (true, false) => {
                Err(malformed(format!("more input came for tool call {number}, whose input was complete")))
            }
        }
    }
}

/// The last call under one of the API's numbers: its block, its id and its name.
#[derive(Debug)]
struct Call {
    block: usize,
    id: String,
    name: String,
}

impl Call {
    /// Fills in what was not known when it began.
    fn fill(&mut self, piece: &CallPiece<'_>) {
        for (known, new) in [(&mut self.id, piece.id), (&mut self.name, piece.name)] {
            if known.is_empty() {
                new.clone_into(known);
            }
        }
    }
}

/// A piece of a call. What is not said is empty.
struct CallPiece<'a> {
    id: &'a str,
    name: &'a str,
    input: &'a str,
}

impl CallPiece<'_> {
    fn is_empty(&self) -> bool {
        self.id.is_empty() && self.name.is_empty() && self.input.is_empty()
    }

    /// Whether it begins another call than the complete one with this id.
    fn is_another(&self, id: &str) -> bool {
        let has_other_id = !self.id.is_empty() && !id.is_empty() && self.id != id;
        has_other_id || (self.id.is_empty() && !self.name.is_empty() && !self.input.trim().is_empty())
    }
}

/// Where a piece belongs.
enum Place {
    /// Into the block with this number.
    At(usize),
    /// Into a block of its own.
    New,
    /// It says nothing.
    Nowhere,
}

/// A thinking block without a word.
fn thinking() -> Block {
    let json = Json::from(serde_json::json!({"type": "thinking", "thinking": ""}));
    Block::from_json(json).expect("it has all that a thinking block needs")
}

fn malformed(message: String) -> LlmError {
    LlmError::new(LlmErrorKind::Malformed, message)
}
