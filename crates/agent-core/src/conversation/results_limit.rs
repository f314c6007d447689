//! The limit that all results of a turn share. Each call gets an equal part.

use crate::{Block, Content, Outcome, message::truncate::prefix};

/// The most bytes of pictures and other blocks in all results together. The API refuses larger
/// requests.
const LARGEST_BLOCKS: usize = 32_000_000;

/// The smallest part of a call, in bytes.
const LEAST: usize = 250;

/// The part of it that is kept free for the note about the cut.
const NOTE: usize = 200;

/// Cuts what models read of the outcome of one call to its part of `max_results_bytes`, which all
/// `calls` share. A result that was cut before is not cut again.
pub(super) fn limited(outcome: Outcome, max_results_bytes: usize, calls: usize) -> Outcome {
    if fits(&outcome, part(max_results_bytes, calls)) {
        return outcome;
    }
    let words = part(max_results_bytes, calls);
    let limit = CallLimit { all: max_results_bytes, words, blocks: part(LARGEST_BLOCKS, calls) };
    outcome.map_result(|content| limit.apply(content))
}

/// Whether the outcome is a text that fits. This is the usual case.
fn fits(outcome: &Outcome, words: usize) -> bool {
    match outcome {
        Outcome::Output(Content::Text(text)) | Outcome::Error(Content::Text(text)) => text.len() <= words,
        _ => false,
    }
}

fn part(all: usize, calls: usize) -> usize {
    (all / calls.max(1)).max(LEAST)
}

/// How many bytes the result of one call may have.
struct CallLimit {
    /// The most bytes of text of all calls of the turn together.
    all: usize,
    words: usize,
    /// Pictures and other blocks.
    blocks: usize,
}

impl CallLimit {
    fn apply(&self, content: Content) -> Content {
        match content {
            Content::Text(text) if text.len() > self.words => {
                let bytes = text.len();
                self.cut(&text, self.words - NOTE, bytes).into()
            }
            Content::Text(text) => text.into(),
            Content::Blocks(blocks) => self.cut_words(self.without_large(blocks)).into(),
        }
    }

    /// The beginning of a text for which there is room, and a note. `bytes` is the length of the
    /// whole result.
    fn cut(&self, text: &str, room: usize, bytes: usize) -> String {
        let all = self.all;
        format!(
            "{}\n[cut: the result has {bytes} bytes, of which the first are shown, since all results of a turn share \
             {all}]",
            prefix(text, room)
        )
    }

    /// Cuts the text of the blocks as if it were one text. Text blocks after the cut are left out.
    fn cut_words(&self, blocks: Vec<Block>) -> Vec<Block> {
        let bytes: usize = blocks.iter().filter_map(Block::as_text).map(str::len).sum();
        if bytes <= self.words {
            return blocks;
        }
        let mut room = Some(self.words - NOTE);
        let kept = blocks.into_iter().filter_map(|block| match (block.as_text(), room) {
            (None, _) => Some(block),
            (Some(_), None) => None,
            (Some(text), Some(left)) if text.len() > left => {
                room = None;
                Some(Block::text(self.cut(text, left, bytes)))
            }
            (Some(text), Some(left)) => {
                room = Some(left - text.len());
                Some(block)
            }
        });
        kept.collect()
    }

    /// Replaces blocks for which there is no room by notes.
    fn without_large(&self, blocks: Vec<Block>) -> Vec<Block> {
        let mut room = self.blocks;
        let kept = blocks.into_iter().map(|block| {
            let bytes = block.json().text().len();
            match (block.as_text(), room.checked_sub(bytes)) {
                (Some(_), _) => block,
                (None, Some(left)) => {
                    room = left;
                    block
                }
                (None, None) => Block::text(format!(
                    "[left out: a block of {bytes} bytes, since all results of a turn share {LARGEST_BLOCKS}]"
                )),
            }
        });
        kept.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: Content, max_results_bytes: usize, calls: usize, expected: &[&str]) {
        let outcome = limited(Outcome::Error(content), max_results_bytes, calls);
        assert_eq!(limited(outcome.clone(), max_results_bytes, calls), outcome, "again");
        let Outcome::Error(content) = outcome else { panic!("{outcome:?}") };
        let words = |block: &Block| block.as_text().unwrap_or("#").to_owned();
        let words: Vec<String> = content.into_blocks().iter().map(words).collect();
        assert_eq!(words, expected);
        let length: usize = words.iter().map(String::len).sum();
        assert!(length <= part(max_results_bytes, calls), "{length}");
    }

    #[test]
    fn field_82_each_call_has_an_equal_part_of_what_all_results_may_have() {
        let note = |bytes: usize| {
            format!(
                "\n[cut: the result has {bytes} bytes, of which the first are shown, since all results of a turn share 3000]"
            )
        };
        let x = |count: usize| "x".repeat(count);
        check(x(1_000).into(), 3_000, 3, &[&x(1_000)]);
        check(x(1_001).into(), 3_000, 3, &[&(x(800) + &note(1_001))]);
        check("é".repeat(1_000).into(), 3_000, 3, &[&("é".repeat(400) + &note(2_000))]);
        // Even with a limit of 0 there is room for the note.
        check(x(1_001).into(), 3_000, 1_000, &[&(x(50) + &note(1_001))]);
        let image = || Block::image("image/png", "AAAA");
        let blocks = vec![Block::text(x(500)), image(), Block::text(x(501)), Block::text(x(2)), image()];
        check(blocks.into(), 3_000, 3, &[&x(500), "#", &(x(300) + &note(1_003)), "#"]);
    }

    #[test]
    fn field_82_pictures_share_what_a_request_may_have() {
        let image = || Block::image("image/png", &"A".repeat(1_000));
        let bytes = image().json().text().len();
        let check = |blocks: usize, expected: [usize; 3]| {
            let limit = CallLimit { all: 10_000, words: 10_000, blocks };
            let kept = limit.without_large(vec![image(), image(), image()]);
            let note = format!(
                "[left out: a block of {bytes} bytes, since all results of a turn share {LARGEST_BLOCKS}]"
            );
            let expected = expected.map(|kept| if kept == 1 { image() } else { Block::text(&note) });
            assert_eq!(kept, expected, "{blocks}");
            assert_eq!(limit.without_large(kept.clone()), kept, "again");
        };
        check(3 * bytes, [1, 1, 1]);
        check(3 * bytes - 1, [1, 1, 0]);
        check(bytes, [1, 0, 0]);
        check(bytes - 1, [0, 0, 0]);
    }
}
