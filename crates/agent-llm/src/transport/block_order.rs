//! The blocks of a reply, one behind the other.

mod braces;

use std::{collections::VecDeque, mem};

use agent_core::{Block, Delta, Json, model::Piece};

use braces::Braces;

use super::words::Words;

/// Writes the blocks of a reply in the order in which they began, each whole before the next
/// begins.
///
/// A loop may start a call as soon as the next block begins. Some servers write several calls by
/// turns, so what comes of a later block waits until the one before it is whole: words are when
/// something else begins, a call is when it has a name and its input is a whole JSON object. At the
/// end of the reply all is written.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    lanes: VecDeque<Lane>,
    /// The number of the first lane.
    first: usize,
    /// The place of the next block.
    next: usize,
}

/// What a block grows by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grows {
    /// Words.
    Text,
    /// Words of thinking.
    Thinking,
    /// An input.
    Input,
    /// Nothing: it is whole.
    Nothing,
}

impl Grows {
    fn piece(self, words: String) -> Piece {
        match self {
            Self::Text | Self::Nothing => Piece::Text(words),
            Self::Thinking => Piece::Thinking(words),
            Self::Input => Piece::Input(words),
        }
    }
}

#[derive(Debug)]
struct Lane {
    /// The block before it grew, until it is written.
    block: Option<Block>,
    /// The id and the name of the call that the block will be, until it is written.
    call: Option<(String, String)>,
    grows: Grows,
    /// What has come and is not written yet.
    waiting: String,
    /// The first half of a character; the second may come with the next piece.
    half: Option<Words>,
    input: Braces,
    /// It was said that nothing more comes.
    ended: bool,
    /// The place of its block, which has been written.
    place: Option<usize>,
    /// What stands behind it.
    behind: Option<Block>,
    /// Something of it came.
    has_said: bool,
}

impl Lane {
    fn new(block: Option<Block>, grows: Grows) -> Self {
        Self {
            block,
            call: None,
            grows,
            waiting: String::new(),
            half: None,
            input: Braces::default(),
            ended: false,
            place: None,
            behind: None,
            has_said: false,
        }
    }

    /// It is a call whose name did not come yet.
    fn is_nameless(&self) -> bool {
        self.call.as_ref().is_some_and(|(_, name)| name.is_empty())
    }

    fn is_over(&self, is_followed: bool) -> bool {
        match self.grows {
            Grows::Nothing => true,
            Grows::Text | Grows::Thinking => self.ended || is_followed,
            Grows::Input => self.ended || (is_followed && self.input.is_whole() && !self.is_nameless()),
        }
    }

    fn grow(&mut self, words: Words) {
        self.has_said = self.has_said || !words.is_empty();
        let mut words = words.after(self.half.take());
        self.half = words.split_half();
        let text = words.text();
        if self.grows == Grows::Input {
            self.input.read(&text);
        }
        match self.waiting.is_empty() {
            true => self.waiting = text,
            false => self.waiting.push_str(&text),
        }
    }

    /// What is known of it now that nothing more comes.
    fn end(&mut self) {
        self.ended = true;
        if let Some(half) = self.half.take() {
            self.waiting.push_str(&half.text());
        }
    }

    /// Writes what has come, its end included. `false` if its block can't begin yet.
    fn write(&mut self, next: &mut usize, deltas: &mut VecDeque<Delta>) -> bool {
        let place = match self.place {
            Some(place) => place,
            None => match self.begun() {
                Some(block) => begin(block, next, deltas),
                None => return false,
            },
        };
        self.place = Some(place);
        if !self.waiting.is_empty() {
            let piece = self.grows.piece(mem::take(&mut self.waiting));
            deltas.push_back(Delta::Piece { index: place, piece });
        }
        if self.ended {
            deltas.push_back(Delta::BlockEnd { index: place });
            if let Some(block) = self.behind.take() {
                let index = begin(block, next, deltas);
                deltas.push_back(Delta::BlockEnd { index });
            }
        }
        true
    }

    /// The block as it begins: that of a call once its name is known, or if there will be none. It
    /// holds the input if that has come, so that it is not put together again.
    fn begun(&mut self) -> Option<Block> {
        let ended = self.ended;
        let Some((id, name)) = self.call.take_if(|(_, name)| ended || !name.is_empty()) else {
            return self.block.take();
        };
        let is_there = ended && self.waiting.starts_with('{') && self.waiting.trim_end() != "{}";
        let input = is_there.then(|| Json::read(self.waiting.as_str()).ok()).flatten();
        if input.is_some() {
            self.waiting.clear();
        }
        Some(Block::tool_use(id, name, input.unwrap_or_else(|| serde_json::json!({}).into())))
    }
}

/// Writes that a block begins, in the next place.
fn begin(block: Block, next: &mut usize, deltas: &mut VecDeque<Delta>) -> usize {
    let index = *next;
    *next += 1;
    deltas.push_back(Delta::Block { index, block });
    index
}

impl Lanes {
    /// A block begins. Gives the number that its pieces come under.
    pub(crate) fn begin(&mut self, block: Block, grows: Grows) -> usize {
        self.push(Lane::new(Some(block), grows))
    }

    /// A call begins, whose name may not be known yet.
    pub(crate) fn begin_call(&mut self, id: String, name: String) -> usize {
        let mut lane = Lane::new(None, Grows::Input);
        lane.call = Some((id, name));
        self.push(lane)
    }

    fn push(&mut self, lane: Lane) -> usize {
        self.lanes.push_back(lane);
        self.first + self.lanes.len() - 1
    }

    fn lane(&mut self, number: usize) -> Option<&mut Lane> {
        self.lanes.get_mut(number.checked_sub(self.first)?)
    }

    /// Whether more of this block may come.
    pub(crate) fn is_open(&self, number: usize) -> bool {
        number.checked_sub(self.first).and_then(|place| self.lanes.get(place)).is_some_and(|lane| !lane.ended)
    }

    /// Says of a call what was not known when it began.
    pub(crate) fn name(&mut self, number: usize, id: &str, name: &str) {
        let Some(lane) = self.lane(number) else { return };
        if let Some((known_id, known_name)) = &mut lane.call {
            let fill = |known: &mut String, new: &str| {
                if known.is_empty() {
                    *known = new.to_owned();
                }
            };
            fill(known_id, id);
            fill(known_name, name);
        }
    }

    /// More of a block. It is lost if the block has ended, as what comes behind a whole input is.
    pub(crate) fn grow(&mut self, number: usize, words: Words) {
        if let Some(lane) = self.lane(number).filter(|lane| !lane.ended) {
            lane.grow(words);
        }
    }

    /// Whether the input of a call is a whole JSON object. That of one that is gone is.
    pub(crate) fn is_whole(&self, number: usize) -> bool {
        let lane = number.checked_sub(self.first).and_then(|place| self.lanes.get(place));
        lane.is_none_or(|lane| lane.input.is_whole())
    }

    /// The id of the first call that has no name yet.
    pub(crate) fn nameless(&self) -> Option<&str> {
        let nameless = self.lanes.iter().find(|lane| lane.is_nameless())?;
        nameless.call.as_ref().map(|(id, _)| id.as_str())
    }

    /// Whether anything of a block came. One that is gone has said something.
    pub(crate) fn has_said(&self, number: usize) -> bool {
        let lane = number.checked_sub(self.first).and_then(|place| self.lanes.get(place));
        lane.is_none_or(|lane| lane.has_said)
    }

    /// Puts a block behind this one, or at the end if this one is written already.
    pub(crate) fn put_behind(&mut self, number: usize, block: Block) {
        match self.lane(number) {
            Some(lane) => lane.behind = Some(block),
            None => {
                self.begin(block, Grows::Nothing);
            }
        }
    }

    /// Nothing more of this block comes.
    pub(crate) fn end(&mut self, number: usize) {
        if let Some(lane) = self.lane(number) {
            lane.end();
        }
    }

    /// Nothing more of any block comes.
    pub(crate) fn end_all(&mut self) {
        self.lanes.iter_mut().for_each(Lane::end);
    }

    /// Writes what can be written.
    pub(crate) fn write(&mut self, deltas: &mut VecDeque<Delta>) {
        loop {
            let is_followed = self.lanes.len() > 1;
            let Some(lane) = self.lanes.front_mut() else { return };
            let is_over = lane.is_over(is_followed);
            if is_over {
                lane.end();
            }
            if !lane.write(&mut self.next, deltas) || !is_over {
                return;
            }
            self.lanes.pop_front();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Words {
        serde_json::from_str(&format!("\"{text}\"")).unwrap()
    }

    fn block(json: &str) -> Block {
        serde_json::from_str(json).unwrap()
    }

    /// What is written in each step, in short.
    fn written(lanes: &mut Lanes) -> String {
        let mut deltas = VecDeque::new();
        lanes.write(&mut deltas);
        let short = |delta: Delta| match delta {
            Delta::Block { index, block } => format!("+{index} {}", block.field("type").unwrap().text()),
            Delta::Piece { index, piece: Piece::Text(text) } => format!("{index} {text}"),
            Delta::Piece { index, piece: Piece::Thinking(text) } => format!("{index} hm {text}"),
            Delta::Piece { index, piece: Piece::Input(text) } => format!("{index} in {text}"),
            Delta::BlockEnd { index } => format!("-{index}"),
            other => format!("{other:?}"),
        };
        deltas.into_iter().map(short).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn fault_10_calls_that_are_written_by_turns_stand_one_behind_the_other() {
        let mut lanes = Lanes::default();
        let first = lanes.begin_call("a".into(), "f".into());
        lanes.grow(first, words(r#"{\"x\":"#));
        assert_eq!(written(&mut lanes), r#"+0 "tool_use", 0 in {"x":"#);
        let second = lanes.begin_call("b".into(), "f".into());
        lanes.grow(second, words("{"));
        assert_eq!(written(&mut lanes), "");
        lanes.grow(first, words(r#"\"}{\"}"#));
        assert_eq!(written(&mut lanes), r#"0 in "}{"}, -0, +1 "tool_use", 1 in {"#);
        lanes.grow(first, words("lost"));
        lanes.grow(second, words("}"));
        assert_eq!(written(&mut lanes), "1 in }", "it may be more than whole");
        lanes.end_all();
        assert_eq!(written(&mut lanes), "-1");
    }

    #[test]
    fn words_are_over_when_something_else_begins() {
        let mut lanes = Lanes::default();
        let thinking = lanes.begin(block(r#"{"type":"thinking","thinking":""}"#), Grows::Thinking);
        lanes.grow(thinking, words("so"));
        let text = lanes.begin(Block::text(""), Grows::Text);
        lanes.grow(text, words(r"a\ud83e"));
        assert_eq!(written(&mut lanes), r#"+0 "thinking", 0 hm so, -0, +1 "text", 1 a"#);
        lanes.grow(text, words(r"\udd80"));
        lanes.put_behind(text, Block::text("behind"));
        lanes.end(text);
        assert_eq!(written(&mut lanes), r#"1 🦀, -1, +2 "text", -2"#);
    }

    #[test]
    fn a_call_begins_once_it_has_a_name_or_ends() {
        let mut lanes = Lanes::default();
        let call = lanes.begin_call(String::new(), String::new());
        lanes.grow(call, words("{}"));
        assert_eq!(written(&mut lanes), "");
        lanes.name(call, "a", "f");
        lanes.name(call, "b", "g");
        assert_eq!(written(&mut lanes), r#"+0 "tool_use", 0 in {}"#);
        let nameless = lanes.begin_call(String::new(), String::new());
        assert_eq!(written(&mut lanes), "-0");
        lanes.end(nameless);
        assert_eq!(written(&mut lanes), r#"+1 "tool_use", -1"#);
    }
}
