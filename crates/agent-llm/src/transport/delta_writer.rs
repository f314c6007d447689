//! From pieces without block boundaries to valid deltas.

mod nesting;
mod part;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
};

use agent_core::{
    Delta, LlmError, StopReason,
    model::{Counts, LlmErrorKind},
};

use part::{Kind, Part};

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
    /// The parts that have not ended, in their order. Only the first is passed on as it comes.
    parts: VecDeque<Part>,
    /// How many parts have ended.
    ended: usize,
    /// The last call of each of the API's numbers: the how many-th part it is, and its id.
    calls: BTreeMap<u64, (usize, String)>,
    stop: Option<StopReason>,
    usage: Counts,
    is_finished: bool,
}

impl DeltaWriter {
    /// Sets the API's id of the reply and the model that answers. Only the first call counts, so
    /// you may call this for every event that has the id and the model.
    pub fn start(&mut self, id: Option<&str>, model: Option<&str>) {
        if !mem::replace(&mut self.has_begun, true) {
            let (id, model) = (id.map(str::to_owned), model.map(str::to_owned));
            self.ready.push_back(Delta::Start { id, model, usage: Box::default(), extra: BTreeMap::new() });
        }
    }

    /// Adds a piece of the reply's text. Fails after [`finish`](Self::finish).
    pub fn text(&mut self, text: &str) -> Result<(), LlmError> {
        self.add(Part::new(Kind::Text, text))
    }

    /// Adds a piece of the model's thinking. The block has no signature. Fails after
    /// [`finish`](Self::finish).
    pub fn thinking(&mut self, thinking: &str) -> Result<(), LlmError> {
        self.add(Part::new(Kind::Thinking, thinking))
    }

    /// Adds a piece of a tool call. `number` is the API's own number of the call in this reply. The
    /// id and the name may come with any of the call's pieces, and more than once. `input` is the
    /// next part of the input; all parts together are a JSON object. Fails after
    /// [`finish`](Self::finish), or if more comes for a call whose input was complete.
    ///
    /// Some servers give all calls the same number. So a new call also begins with another id, or
    /// with a name and an input after a complete input.
    pub fn tool_call(
        &mut self,
        number: u64,
        id: Option<&str>,
        name: Option<&str>,
        input: &str,
    ) -> Result<(), LlmError> {
        self.add(Part::call(number, id.unwrap_or_default(), name.unwrap_or_default(), input))
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
        while !self.parts.is_empty() {
            self.end_first()?;
        }
        let (usage, extra) = (Box::new(self.usage), BTreeMap::new());
        self.ready.push_back(Delta::Stop { stop_reason, stop_details: None, usage, extra });
        self.is_finished = true;
        Ok(())
    }

    /// Takes the next delta to yield. `None` if more pieces are needed first.
    pub fn pull(&mut self) -> Option<Delta> {
        self.ready.pop_front()
    }

    fn add(&mut self, piece: Part) -> Result<(), LlmError> {
        if self.is_finished {
            return Err(malformed("more of the reply came after its end".to_owned()));
        }
        if piece.is_empty() {
            return Ok(());
        }
        match self.place_of(&piece)? {
            Place::Nowhere => {}
            Place::At(place) => self.parts[place].grow(piece),
            Place::New => {
                if let Kind::Call(number) = piece.kind() {
                    self.calls.insert(number, (self.ended + self.parts.len(), piece.id().to_owned()));
                }
                self.parts.push_back(piece);
            }
        }
        self.pass_on()
    }

    /// The part that a piece belongs to.
    fn place_of(&self, piece: &Part) -> Result<Place, LlmError> {
        let Kind::Call(number) = piece.kind() else {
            // Words go on only where they stopped, since they are read in order.
            let last = self.parts.back().filter(|last| last.kind() == piece.kind());
            return Ok(last.map_or(Place::New, |_| Place::At(self.parts.len() - 1)));
        };
        let Some((part, id)) = self.calls.get(&number) else { return Ok(Place::New) };
        match part.checked_sub(self.ended) {
            Some(place) if self.parts[place].goes_on_with(piece) => Ok(Place::At(place)),
            Some(_) => Ok(Place::New),
            None if piece.is_another(id) => Ok(Place::New),
            None if piece.is_blank() => Ok(Place::Nowhere),
            None => {
                Err(malformed(format!("more input came for tool call {number}, whose input was complete")))
            }
        }
    }

    /// Passes on the pieces of the first part, and of those behind it as the ones before may end.
    fn pass_on(&mut self) -> Result<(), LlmError> {
        while self.parts.len() > 1 && self.parts[0].may_end() {
            self.end_first()?;
        }
        if let Some(first) = self.parts.front_mut() {
            first.pass_on(self.ended, &mut self.ready);
        }
        Ok(())
    }

    fn end_first(&mut self) -> Result<(), LlmError> {
        if let Some(mut first) = self.parts.pop_front() {
            first.pass_on(self.ended, &mut self.ready);
            first.end(self.ended, &mut self.ready)?;
            if let Kind::Call(number) = first.kind() {
                // The id may have come later than the call began.
                if let Some((part, id)) = self.calls.get_mut(&number) {
                    if *part == self.ended {
                        first.id().clone_into(id);
                    }
                }
            }
            self.ended += 1;
        }
        Ok(())
    }
}

/// Where a piece belongs.
enum Place {
    /// Into the part at this place.
    At(usize),
    /// Into a part of its own.
    New,
    /// It says nothing.
    Nowhere,
}

fn malformed(message: String) -> LlmError {
    LlmError::new(LlmErrorKind::Malformed, message)
}
