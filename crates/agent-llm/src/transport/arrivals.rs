//! The bytes of a streamed answer, in steps of all that is here already.

use std::task::{Context, Poll, ready};

use agent_core::LlmError;

/// The most bytes of a step. Nobody waits for more while so much can be read.
const MOST: usize = 64 * 1024;

/// The most steps that are handed on without a look whether more is here.
const MOST_SKIPPED: u32 = 63;

/// Collects what has arrived of an answer, so that it is read in one step.
///
/// One read from the network often brings several chunks. hyper passes each one on separately, and
/// the next one only after its own task has run again. If each chunk were read by itself, hyper's
/// code and all of ours, from the parser to the loop, would take turns, and push each other out of
/// the caches of the processor.
///
/// So a chunk is kept until the task was run once more. That needs no timer and waits for no
/// network: other tasks run once, hyper's among them. If that brings nothing more, the step is
/// over.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    /// How many chunks the step has so far.
    chunks: usize,
    /// How many bytes they have.
    bytes: usize,
    /// What comes after the step: the end of the answer, or an error.
    end: Option<Result<(), LlmError>>,
    looks: Looks,
}

/// What a step brings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// Bytes, which were all given to `take`.
    Bytes,
    /// The answer has no more bytes.
    End,
}

impl Arrivals {
    /// The next step. `next` polls the answer for its next chunk, `None` at its end. `take` gets
    /// each chunk as it comes. What came before an error is a step of its own, before the error.
    pub(crate) fn poll_step<B: AsRef<[u8]>>(
        &mut self,
        context: &mut Context<'_>,
        next: impl FnMut(&mut Context<'_>) -> Poll<Result<Option<B>, LlmError>>,
        take: impl FnMut(&[u8]) -> Result<(), LlmError>,
    ) -> Poll<Result<Arrived, LlmError>> {
        let before = self.chunks;
        if self.end.is_none() && self.collect(context, next, take).is_pending() {
            let is_new = self.chunks > before;
            if is_new && (before > 0 || self.looks.look()) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        if self.chunks > 0 {
            self.looks.found(self.chunks > 1);
            (self.chunks, self.bytes) = (0, 0);
            return Poll::Ready(Ok(Arrived::Bytes));
        }
        match self.end.take() {
            Some(end) => Poll::Ready(end.map(|()| Arrived::End)),
            None => Poll::Pending,
        }
    }

    /// Whether a step has begun, so that the task was woken to look for more. Nobody waits for the
    /// network then.
    pub(crate) fn is_looking(&self) -> bool {
        self.chunks > 0
    }

    /// Takes all chunks that are here. Pending if there may be more later.
    fn collect<B: AsRef<[u8]>>(
        &mut self,
        context: &mut Context<'_>,
        mut next: impl FnMut(&mut Context<'_>) -> Poll<Result<Option<B>, LlmError>>,
        mut take: impl FnMut(&[u8]) -> Result<(), LlmError>,
    ) -> Poll<()> {
        while self.bytes < MOST {
            let taken = match ready!(next(context)) {
                Ok(Some(chunk)) => take(chunk.as_ref()).map(|()| chunk.as_ref().len()),
                Ok(None) => {
                    self.end = Some(Ok(()));
                    break;
                }
                Err(error) => Err(error),
            };
            match taken {
                Ok(length) => {
                    self.chunks += 1;
                    self.bytes += length;
                }
                Err(error) => {
                    self.end = Some(Err(error));
                    break;
                }
            }
        }
        Poll::Ready(())
    }
}

/// Decides whether to look if more is here. If a server sends one chunk at a time, each look is in
/// vain. Then there are fewer and fewer: before the next one, 1, 3, 7, … steps are handed on
/// without one.
#[derive(Debug, Default)]
struct Looks {
    /// How many steps are handed on without a look after one that was in vain.
    pause: u32,
    /// How many of them are left.
    left: u32,
    /// Whether the step that goes on has had its look.
    has_looked: bool,
}

impl Looks {
    fn look(&mut self) -> bool {
        self.has_looked = self.left == 0;
        self.left = self.left.saturating_sub(1);
        self.has_looked
    }

    /// A step is over. `more` says whether there was more than its first chunk.
    fn found(&mut self, more: bool) {
        if more {
            *self = Self::default();
        } else if std::mem::take(&mut self.has_looked) {
            self.pause = (2 * self.pause + 1).min(MOST_SKIPPED);
            self.left = self.pause;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        future::poll_fn,
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering::Relaxed},
        },
        task::{Wake, Waker},
        time::Duration,
    };

    use agent_core::model::LlmErrorKind;
    use tokio::{sync::mpsc, time::Instant};

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Relaxed);
        }
    }

    /// Reads an answer: a word is a chunk, `-` is a poll that finds nothing, `!` an error. The
    /// result has a `+` between chunks of a step, and `~` where the task waits for the network.
    fn read(answer: &str) -> String {
        let (woken, mut arrivals) = (Arc::new(Woken::default()), Arrivals::default());
        let waker = Waker::from(woken.clone());
        let mut polls: VecDeque<&str> = answer.split_whitespace().collect();
        let (mut steps, mut step) = (Vec::new(), Vec::new());
        loop {
            let next = |_: &mut Context<'_>| match polls.pop_front() {
                Some("-") => Poll::Pending,
                Some("!") => Poll::Ready(Err(LlmError::new(LlmErrorKind::Incomplete, "cut"))),
                chunk => Poll::Ready(Ok(chunk)),
            };
            let take = |chunk: &[u8]| match chunk {
                b"long" => Err(LlmError::new(LlmErrorKind::TooLong, "too long")),
                chunk => {
                    step.push(String::from_utf8_lossy(chunk).into_owned());
                    Ok(())
                }
            };
            match arrivals.poll_step(&mut Context::from_waker(&waker), next, take) {
                Poll::Ready(Ok(Arrived::Bytes)) => steps.push(std::mem::take(&mut step).join("+")),
                Poll::Ready(Ok(Arrived::End)) => return steps.join(" "),
                Poll::Ready(Err(error)) => return format!("{} {}", steps.join(" "), error.message),
                Poll::Pending if woken.0.swap(false, Relaxed) => {}
                Poll::Pending => steps.push("~".to_owned()),
            }
        }
    }

    fn check(answer: &str, steps: &str) {
        assert_eq!(read(answer), steps, "{answer}");
    }

    #[test]
    fn what_is_here_is_one_step() {
        check("", "");
        check("a", "a");
        check("a b c", "a+b+c");
        // After each chunk, hyper's task must run before there is another.
        check("- a - b - c - - - d", "~ a+b+c ~ d");
        check("a - b - c", "a+b+c");
    }

    #[test]
    fn a_chunk_is_handed_on_though_no_other_follows() {
        check("a - - - b", "a ~ b");
    }

    #[test]
    fn what_came_before_an_error_is_handed_on_first() {
        check("a - b - !", "a+b cut");
        check("a b !", "a+b cut");
        check("a - b - long", "a+b too long");
        check("!", " cut");
    }

    #[test]
    fn a_step_has_a_most() {
        let chunk = "x".repeat(MOST / 2);
        check(&format!("{chunk} - {chunk} {chunk}"), &format!("{chunk}+{chunk} {chunk}"));
    }

    /// The channel has one place, as hyper's has.
    #[tokio::test(start_paused = true)]
    async fn a_step_takes_no_time_and_the_next_one_waits_for_the_network() {
        let (sender, mut receiver) = mpsc::channel(1);
        let server = tokio::spawn(async move {
            for chunk in ["a", "b", "c", "d"] {
                sender.send(chunk).await.unwrap();
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
            sender.send("e").await.unwrap();
        });
        let (begun, mut arrivals, mut steps) = (Instant::now(), Arrivals::default(), Vec::new());
        loop {
            let mut step = String::new();
            let arrived = poll_fn(|context| {
                let next = |context: &mut Context<'_>| receiver.poll_recv(context).map(Ok);
                let take = |chunk: &[u8]| {
                    step.push_str(std::str::from_utf8(chunk).unwrap());
                    Ok(())
                };
                arrivals.poll_step(context, next, take)
            });
            match arrived.await.unwrap() {
                Arrived::Bytes => steps.push((begun.elapsed().as_secs(), step)),
                Arrived::End => break,
            }
        }
        assert_eq!(steps, [(0, "abcd".to_owned()), (5, "e".to_owned())]);
        server.await.unwrap();
    }

    #[test]
    fn where_chunks_come_one_by_one_looks_become_rare() {
        let mut looks = Looks::default();
        let looked: Vec<usize> = (0..200)
            .filter(|_| {
                let is_look = looks.look();
                looks.found(false);
                is_look
            })
            .collect();
        assert_eq!(looked, [0, 2, 6, 14, 30, 62, 126, 190]);
        looks.found(true);
        assert!(looks.look(), "a step with more than one chunk makes looks worthwhile again");
    }
}
