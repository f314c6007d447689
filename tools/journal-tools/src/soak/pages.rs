//! What the reader of the soak finds in its history: pages and summaries of pages.

use agent_core::{Request, message::BlockKind};

/// The pages that were read so far, from the first on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pages {
    pub(crate) count: u64,
    pub(crate) sum: u64,
}

impl Pages {
    /// The pages that a history has. Fails if one is missing, or there twice, or not in its place.
    pub(crate) fn of(request: &Request) -> Result<Self, String> {
        let mut pages = Self::default();
        for block in request.messages.iter().flat_map(|message| message.content()) {
            match block.kind() {
                BlockKind::ToolResult { content, .. } => pages.read(&content.to_text())?,
                _ => pages.read(block.as_text().unwrap_or_default())?,
            }
        }
        Ok(pages)
    }

    /// The first pages of a book.
    pub(crate) fn first(count: u64) -> Self {
        Self { count, sum: (0..count).map(number_of).sum() }
    }

    /// The text that stands for these pages.
    pub(crate) fn as_text(&self) -> String {
        format!("<<{} pages {}>>", self.count, self.sum)
    }

    /// Takes in a text: what is between `<<` and `>>` is a page or a summary.
    fn read(&mut self, text: &str) -> Result<(), String> {
        for part in text.split("<<").skip(1) {
            let words: Vec<&str> = part.split(">>").next().unwrap_or_default().split(' ').collect();
            let number = |word: &str| word.parse::<u64>().map_err(|_| format!("{part:?} is no page"));
            match words[..] {
                ["page", page, sum] if number(page)? == self.count => {
                    *self = Self { count: self.count + 1, sum: self.sum + number(sum)? };
                }
                [count, "pages", sum] if self.count == 0 => {
                    *self = Self { count: number(count)?, sum: number(sum)? }
                }
                _ => return Err(format!("{part:?} comes after {} pages", self.count)),
            }
        }
        Ok(())
    }
}

/// A page, as the tool gives it: with its number, and words that fill the window.
pub(crate) fn page(page: u64) -> String {
    format!("<<page {page} {}>> {}", number_of(page), "word ".repeat(80))
}

/// The number on a page.
fn number_of(page: u64) -> u64 {
    page.wrapping_mul(7_919) % 1_000
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use agent_core::{Block, Message};

    use super::*;

    fn check(texts: &[&str], expected: Result<(u64, u64), &str>) {
        let messages =
            texts.iter().map(|text| Message::user(vec![Block::tool_result("a", (*text).into(), false)]));
        let found = Pages::of(&Request::new(messages.collect())).map(|pages| (pages.count, pages.sum));
        assert_eq!(found, expected.map_err(str::to_owned), "{texts:?}");
    }

    #[test]
    fn a_history_has_each_page_once_and_in_its_place() {
        check(&[], Ok((0, 0)));
        check(&["<<page 0 5>> word", "<<page 1 7>>"], Ok((2, 12)));
        check(&["Of it: <<9 pages 40>>", "<<page 9 2>>"], Ok((10, 42)));
        check(&["<<page 0 5>>", "<<page 2 7>>"], Err("\"page 2 7>>\" comes after 1 pages"));
        check(&["<<page 0 5>>", "<<page 0 5>>"], Err("\"page 0 5>>\" comes after 1 pages"));
        check(&["<<page 0 5>>", "<<1 pages 5>>"], Err("\"1 pages 5>>\" comes after 1 pages"));
        check(&["<<page 0 x>>"], Err("\"page 0 x>>\" is no page"));
        check(&[&Pages::first(3).as_text(), &page(3)], Ok((4, Pages::first(4).sum)));
    }
}
