//! Replies that break off or hold what they should not. Each expects an error, or the whole reply
//! after another attempt.

use agent_core::model::LlmErrorKind::{self, *};

use crate::{
    Fault,
    conformance::case::{Case, Failure},
};

/// A word in the middle of the reply, and nowhere else in what the server sends.
const MIDDLE: &str = "midnight";

pub(super) fn cases() -> Vec<Case> {
    let case = |name, purpose, fault, kinds: &[LlmErrorKind]| {
        Case::failure(name, purpose, fault, Failure::that_passes(kinds))
    };
    let broke_off = [Incomplete, Connection, Malformed];
    vec![
        case("connection closed at once", "No answer at all is an error.", Fault::hang_up(), &broke_off),
        case("connection closed in the text", "Half a text is no reply.", Fault::cut(MIDDLE), &broke_off),
        case(
            "end without an end marker",
            "A reply without its end is an error.",
            Fault::end(MIDDLE),
            &broke_off,
        ),
        case("empty answer", "An answer without a body is no reply.", Fault::end(0), &broke_off),
        case(
            "error event",
            "An error in the middle of a stream is an error, also if the stream goes on.",
            Fault::error_event(MIDDLE, "overloaded_error", "Overloaded"),
            &[Overloaded, Server],
        ),
        case(
            "error event before any word",
            "An error in the place of a streamed reply is an error.",
            Fault::error_event(0, "overloaded_error", "Overloaded"),
            &[Overloaded, Server],
        ),
        case(
            "event that is not JSON",
            "A damaged event is an error, because content may be lost.",
            Fault::event(MIDDLE, "content_block_delta", "{\"type\": \"cont"),
            &[Malformed],
        ),
    ]
}
