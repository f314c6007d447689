//! The plan of a body: its pieces, the pauses before them, and how it ends.

use std::{mem, time::Duration};

use futures::{Stream, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use tokio::{task::yield_now, time::sleep};

use crate::{
    event_stream,
    fault::{Fault, Kind, Place},
    request_log::OpenRequest,
    response::{Body, ConnectionCut, pause},
    wire::Wire,
};

/// A body that is planned before its first byte is sent. A fault changes the plan.
pub(crate) struct BodyPlan {
    /// The pause before the head.
    head: Duration,
    /// The pieces of the body, each with the pause before it. In a stream, each piece is one event.
    pieces: Vec<(Duration, Bytes)>,
    ending: Ending,
}

/// What happens after the last piece.
enum Ending {
    Complete,
    Cut,
    Silence,
    /// This comes again and again, after this pause.
    Pings(Duration, Bytes),
}

impl BodyPlan {
    /// The plan of a body without a fault. Its head is sent with the first piece.
    pub(crate) fn new(mut pieces: Vec<(Duration, Bytes)>) -> Self {
        let head = pieces.first_mut().map(|(latency, _)| mem::take(latency)).unwrap_or_default();
        Self { head, pieces, ending: Ending::Complete }
    }

    /// Changes the plan as the fault says, in the form of this API. Fails if the body does not have
    /// the place of the fault.
    pub(crate) fn with_fault(mut self, Fault(kind): &Fault, wire: &dyn Wire) -> Result<Self, String> {
        let millis = |ms: &u64| Duration::from_millis(*ms);
        match kind {
            // These take the place of the reply, so the plan is not used.
            Kind::Answer(_) | Kind::HangUp => {}
            Kind::SlowHead { ms } => self.head += millis(ms),
            Kind::SlowBody { ms } => self.pieces.iter_mut().take(1).for_each(|first| first.0 += millis(ms)),
            Kind::Cut { at } => self.stop(at, Ending::Cut)?,
            Kind::End { at } => self.stop(at, Ending::Complete)?,
            Kind::Silence { at } => self.stop(at, Ending::Silence)?,
            Kind::Pings { at, every_ms } => {
                let (count, _) = self.piece(at)?;
                self.pieces.truncate(count);
                self.ending = Ending::Pings(millis(every_ms), wire.ping());
            }
            Kind::Drip { bytes, every_ms } => self.drip((*bytes).max(1), millis(every_ms)),
            Kind::Event { at, event, data } => self.insert(at, |_| event_stream::event(event, data))?,
            Kind::ErrorEvent { at, error_type, message } => {
                self.insert(at, |place| wire.error_event(error_type, message, place))?;
            }
        }
        Ok(self)
    }

    /// Waits until it is time for the head, and returns the body.
    pub(crate) async fn body(self, open: OpenRequest) -> Body {
        pause(self.head).await;
        StreamBody::new(frames(self.pieces, self.ending, open)).boxed_unsync()
    }

    /// Inserts an event after the one at a place. It is made from the number of events before it.
    fn insert(&mut self, at: &Place, event: impl FnOnce(usize) -> Bytes) -> Result<(), String> {
        let (count, _) = self.piece(at)?;
        self.pieces.insert(count, (Duration::ZERO, event(count)));
        Ok(())
    }

    /// Removes everything after a place.
    fn stop(&mut self, at: &Place, ending: Ending) -> Result<(), String> {
        let (count, over) = self.piece(at)?;
        self.pieces.truncate(count);
        if let Some((_, last)) = self.pieces.last_mut() {
            last.truncate(last.len() - over);
        }
        self.ending = ending;
        Ok(())
    }

    /// The number of pieces up to a place, including the one that the place is in, and the number
    /// of bytes of that one that come after the place.
    fn piece(&self, at: &Place) -> Result<(usize, usize), String> {
        let at = at.find(&self.pieces.iter().flat_map(|(_, bytes)| bytes).copied().collect::<Vec<u8>>())?;
        let mut end = 0;
        let ends = self.pieces.iter().map(|(_, bytes)| {
            end += bytes.len();
            end
        });
        let first = ends.enumerate().find(|(_, end)| *end >= at).filter(|_| at > 0);
        Ok(first.map_or((0, 0), |(place, end)| (place + 1, end - at)))
    }

    fn drip(&mut self, bytes: usize, every: Duration) {
        let apart = |(mut before, piece): (Duration, Bytes)| {
            let starts = (0..piece.len()).step_by(bytes);
            let parts = starts.map(move |start| {
                let part = piece.slice(start..piece.len().min(start + bytes));
                (mem::take(&mut before) + every, part)
            });
            parts.collect::<Vec<_>>()
        };
        self.pieces = mem::take(&mut self.pieces).into_iter().flat_map(apart).collect();
    }
}

/// Yields each piece after its pause, as its own HTTP chunk. Pieces that are due at the same time
/// are flushed together: one flush per event takes five times as long.
///
/// The request counts as open until the last piece is yielded, because a client that has read it
/// may send the next request. If the body does not end normally, the request counts as open until
/// the client is gone.
fn frames(
    pieces: Vec<(Duration, Bytes)>,
    ending: Ending,
    open: OpenRequest,
) -> impl Stream<Item = Result<Frame<Bytes>, ConnectionCut>> {
    let state = (pieces.into_iter(), ending, Some(open));
    stream::unfold(state, |(mut pieces, ending, mut open)| async move {
        let bytes = match (pieces.next(), &ending) {
            (Some((before, bytes)), _) => {
                pause(before).await;
                Ok(bytes)
            }
            (None, Ending::Complete) => return None,
            (None, Ending::Cut) => {
                // Lets hyper flush what came before. It would be lost otherwise.
                yield_now().await;
                Err(ConnectionCut)
            }
            (None, Ending::Silence) => std::future::pending().await,
            (None, Ending::Pings(every, ping)) => {
                sleep(*every).await;
                Ok(ping.clone())
            }
        };
        if pieces.len() == 0 && matches!(ending, Ending::Complete) {
            open = None;
        }
        Some((bytes.map(Frame::data), (pieces, ending, open)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Messages;

    const STREAM: [&str; 3] = ["first\n\n", "second\n\n", "third\n\n"];

    fn body_plan() -> BodyPlan {
        let second = Duration::from_secs(1);
        BodyPlan::new(STREAM.iter().map(|piece| (second, Bytes::from(*piece))).collect())
    }

    /// The pieces of a plan with this fault, each after its pause in seconds, and how the body
    /// ends.
    fn check(fault: Fault, expected: &str) {
        let shown =
            body_plan().with_fault(&fault, &Messages::default()).map(|BodyPlan { head, pieces, ending }| {
                let mut words = vec![format!("[{}]", head.as_secs_f64())];
                words.extend(pieces.iter().map(|(pause, bytes)| {
                    format!("{} {}", pause.as_secs_f64(), String::from_utf8_lossy(bytes).replace('\n', "/"))
                }));
                words.push(match ending {
                    Ending::Complete => "complete".to_owned(),
                    Ending::Cut => "cut".to_owned(),
                    Ending::Silence => "silence".to_owned(),
                    Ending::Pings(every, _) => format!("ping every {every:?}"),
                });
                words.join(", ")
            });
        assert_eq!(shown.unwrap_or_else(|error| error), expected, "{fault:?}");
    }

    #[test]
    fn a_fault_changes_pieces_pauses_and_the_end() {
        let millis = Duration::from_millis;
        check(Fault::cut(0), "[1], cut");
        check(Fault::cut(3), "[1], 0 fir, cut");
        check(Fault::cut(7), "[1], 0 first//, cut");
        check(Fault::cut(8), "[1], 0 first//, 1 s, cut");
        check(Fault::cut(22), "[1], 0 first//, 1 second//, 1 third//, cut");
        check(Fault::end("sec"), "[1], 0 first//, 1 sec, complete");
        check(Fault::silence("first"), "[1], 0 first, silence");
        check(Fault::pings(0, millis(5)), "[1], ping every 5ms");
        check(Fault::pings("sec", millis(5)), "[1], 0 first//, 1 second//, ping every 5ms");
        check(
            Fault::drip(4, millis(500)),
            "[1], 0.5 firs, 0.5 t//, 1.5 seco, 0.5 nd//, 1.5 thir, 0.5 d//, complete",
        );
        check(Fault::slow_head(millis(500)), "[1.5], 0 first//, 1 second//, 1 third//, complete");
        check(Fault::slow_body(millis(500)), "[1], 0.5 first//, 1 second//, 1 third//, complete");
        check(
            Fault::event("fir", "error", "{"),
            "[1], 0 first//, 0 event: error/data: {//, 1 second//, 1 third//, complete",
        );
        check(
            Fault::event(0, "a", "b"),
            "[1], 0 event: a/data: b//, 0 first//, 1 second//, 1 third//, complete",
        );
    }

    #[test]
    fn a_place_that_the_body_does_not_have_is_an_error() {
        check(Fault::cut(23), "the fault is at byte 23, but the body has only 22 bytes");
        check(
            Fault::event("fourth", "error", "{"),
            r#"the fault is after "fourth", but the body does not contain that"#,
        );
    }
}
