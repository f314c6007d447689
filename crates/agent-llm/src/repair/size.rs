//! A request that is too long, or has too many pictures and documents.

use agent_core::{LlmError, LlmErrorKind, Request};

use super::says;
use crate::bounds::{
    Bounds,
    shorten::{Size, by_part, to_bytes},
};

/// What the API says of it.
const WORDS: [&str; 4] =
    ["prompt is too long", "request exceeds the maximum size", "too much media", "too many images"];

pub(super) fn is_about_size(error: &LlmError) -> bool {
    error.kind == LlmErrorKind::InvalidRequest && (error.status == Some(413) || says(error, &WORDS))
}

/// The request with less in it.
pub(super) fn shortened(request: &Request, error: &LlmError) -> Option<Request> {
    if request.extra.contains_key("messages") {
        return None;
    }
    let numbers = numbers(&error.message);
    let shortened = match numbers[..] {
        [has, most, ..] if says(error, &["prompt is too long"]) && has > most => {
            // A little less than it says, since not all words have as many tokens.
            let thousandths = ((has - most).saturating_mul(1_000) / has.max(1)).saturating_add(30).min(1_000);
            by_part(request, thousandths, &error.message).apply(request.clone())
        }
        [pages, pictures, most, ..] if says(error, &["too much media"]) => {
            fewer(request, pages.saturating_add(pictures), most)
        }
        [pictures, documents, most, ..] if says(error, &["too many images"]) => {
            fewer(request, pictures + documents, most)
        }
        // Who takes less than the API does not say how much.
        _ if !says(error, &["too much media", "too many images"]) => {
            to_bytes(request, Size::of(request).all() / 2, &error.message).apply(request.clone())
        }
        _ => return None,
    };
    (shortened != *request).then_some(shortened)
}

/// Without the oldest pictures and documents, as many as there are too many.
fn fewer(request: &Request, has: usize, most: usize) -> Request {
    let own = crate::bounds::count_media(request);
    let bounds = Bounds { media: own.saturating_sub(has.saturating_sub(most)), ..Bounds::none() };
    bounds.fit(request.clone()).0
}

/// The numbers in a text, in order.
fn numbers(text: &str) -> Vec<usize> {
    text.split(|character: char| !character.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use agent_core::{Block, Message};

    use super::*;

    fn check(request: &Request, status: u16, why: &str, expected: Option<&[usize]>) {
        let mut error = LlmError::new(LlmErrorKind::InvalidRequest, why);
        error.status = Some(status);
        assert!(is_about_size(&error), "{why}");
        let lengths = |request: Request| -> Vec<usize> {
            let lengths = |message: &Message| -> Vec<usize> {
                message.content().iter().map(|block| block.as_text().map_or(0, str::len) / 1_000).collect()
            };
            request.messages.iter().flat_map(lengths).collect()
        };
        assert_eq!(shortened(request, &error).map(lengths).as_deref(), expected, "{why}");
    }

    #[test]
    fn field_44_a_request_that_is_refused_for_its_size_is_shortened() {
        let picture = || Block::image("image/png", &"A".repeat(40_000));
        let words = |count: usize| Block::text("w".repeat(count));
        let request = Request::new(vec![
            Message::user(vec![words(500_000), picture(), words(9_999)]),
            Message::user(vec![words(500_000), picture(), picture()]),
        ]);
        // A quarter of a million tokens too many of a million: and 3 % more, to be sure.
        let long = "prompt is too long: 1000000 tokens > 750000 maximum";
        check(&request, 400, long, Some(&[358, 0, 9, 358, 0, 0]));
        check(&request, 413, "Request exceeds the maximum size", Some(&[217, 0, 9, 217, 0, 0]));
        let few = |why: &str, kept: usize| {
            let mut error = LlmError::new(LlmErrorKind::InvalidRequest, why);
            error.status = Some(400);
            assert_eq!(crate::bounds::count_media(&shortened(&request, &error).unwrap()), kept, "{why}");
        };
        few("Too much media: 0 document pages + 102 images > 100", 1);
        few("too many images and documents: 100 + 1 > 100", 2);
        // Nothing but what the model said.
        let fixed = Request::new(vec![Message::user("Go."), Message::assistant("w".repeat(9_000))]);
        check(&fixed, 400, long, None);
        let heavy = Request::new(vec![Message::user(vec![words(10), picture(), picture()])]);
        let mut error =
            LlmError::new(LlmErrorKind::InvalidRequest, "prompt is too long: 900 tokens > 1 maximum");
        error.status = Some(400);
        assert_eq!(crate::bounds::count_media(&shortened(&heavy, &error).unwrap()), 1);
    }
}
