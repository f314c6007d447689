//! Joins pieces of one text, for places that keep events.

use super::{Event, EventKind};
use crate::{Delta, model::Piece};

impl Event {
    /// Appends the piece of a reply in `next` to the piece in this event, so that both are one
    /// event with the time of the first. Returns `false`, and changes nothing, if the two are not
    /// pieces of the same text of the same conversation. A place that keeps events needs fewer of
    /// them this way.
    pub fn append(&mut self, next: &Self) -> bool {
        if self.conversation != next.conversation {
            return false;
        }
        let EventKind::Delta(Delta::Piece { index: place, piece }) = &mut self.kind else { return false };
        let EventKind::Delta(Delta::Piece { index, piece: more }) = &next.kind else { return false };
        match (piece, more) {
            (Piece::Text(text), Piece::Text(more))
            | (Piece::Thinking(text), Piece::Thinking(more))
            | (Piece::Input(text), Piece::Input(more))
                if place == index =>
            {
                text.push_str(more);
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn piece(conversation: &str, index: usize, piece: Piece) -> Event {
        let kind = EventKind::Delta(Delta::Piece { index, piece });
        Event::new(Duration::from_millis(5), conversation, 0, "main", kind)
    }

    fn check(first: &Event, next: &Event, expected: Option<&Event>) {
        let mut joined = first.clone();
        assert_eq!(joined.append(next), expected.is_some());
        assert_eq!(&joined, expected.unwrap_or(first));
    }

    #[test]
    fn pieces_of_one_text_are_joined_and_no_others_are() {
        let text = |words: &str| piece("s", 0, Piece::Text(words.to_owned()));
        let thinks = |words: &str| piece("s", 0, Piece::Thinking(words.to_owned()));
        let input = |words: &str| piece("s", 0, Piece::Input(words.to_owned()));
        let mut later = text("two");
        later.at = Duration::from_millis(9);
        check(&text("one "), &later, Some(&text("one two")));
        check(&thinks("1"), &thinks("2"), Some(&thinks("12")));
        check(&input("{"), &input("}"), Some(&input("{}")));
        check(&thinks("1"), &text("2"), None);
        check(&text("1"), &piece("s", 1, Piece::Text("2".to_owned())), None);
        check(&text("1"), &piece("s/b", 0, Piece::Text("2".to_owned())), None);
        let end = Event::new(Duration::ZERO, "s", 0, "main", EventKind::Delta(Delta::BlockEnd { index: 0 }));
        check(&text("1"), &end, None);
        check(&end, &text("1"), None);
    }
}
