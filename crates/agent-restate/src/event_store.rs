//! How the events of a session are kept in the state of their object, without the engine.

use std::{collections::VecDeque, time::Duration};

use agent_core::Event;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The most bytes of a session's events. When there are more, the oldest are removed.
const MOST_BYTES: usize = 8 << 20;

/// A chunk with this many bytes is full.
const CHUNK_BYTES: usize = 16 << 10;

/// How many of the last senders, and of the last ends, are remembered.
const REMEMBERED: usize = 64;

/// Events of a session that a process sends.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Batch {
    /// The process.
    pub(crate) sender: u64,
    /// Grows with each batch of the process.
    pub(crate) number: u64,
    /// When the run of the session began, in µs since 1970, if the process knows that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run_began: Option<u64>,
    /// How many events before these were lost.
    #[serde(default)]
    pub(crate) lost: u64,
    pub(crate) events: Vec<TimedEvent>,
}

/// An event, and when it happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TimedEvent {
    /// In µs since 1970.
    pub(crate) at: u64,
    /// Of an event that two processes may tell, what is the same in both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) once: Option<String>,
    pub(crate) event: Event,
}

/// An event as it is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeptEvent {
    pub(crate) offset: u64,
    /// When the run began, in µs since 1970.
    pub(crate) run_began: u64,
    pub(crate) event: Box<RawValue>,
}

/// What is known of the events of a session, without the events.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Head {
    /// The offset of the newest event.
    pub(crate) last: u64,
    run_began: u64,
    chunks: VecDeque<Chunk>,
    next_chunk: usize,
    /// The last batch of each process that has sent one. The newest is the last.
    senders: VecDeque<(u64, u64)>,
    told: VecDeque<String>,
}

/// Events that have one key in the state.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Chunk {
    number: usize,
    /// The offset of its first event.
    first: u64,
    bytes: usize,
}

/// Where events are written.
#[derive(Debug, PartialEq)]
pub(crate) struct Place {
    /// The number of the chunk that gets the events.
    pub(crate) chunk: usize,
    /// Whether it is new. If not, its events stay.
    pub(crate) is_new: bool,
    /// The chunks that are removed.
    pub(crate) removed: Vec<usize>,
}

impl Head {
    /// The events of a batch as they are kept. `None` if there is nothing new in it: a process
    /// sends a batch again if it did not get the answer.
    pub(crate) fn accept(&mut self, batch: Batch) -> Option<Vec<KeptEvent>> {
        let known = self.senders.iter().position(|(sender, _)| *sender == batch.sender);
        if known.is_some_and(|place| self.senders[place].1 >= batch.number) {
            return None;
        }
        known.map(|place| self.senders.remove(place));
        remember(&mut self.senders, (batch.sender, batch.number));
        let first = batch.events.first()?.at;
        let began = batch.run_began.or_else(|| (self.run_began == 0).then_some(first));
        self.run_began = self.run_began.max(began.unwrap_or_default());
        self.last += batch.lost;
        let kept: Vec<_> = batch.events.into_iter().filter_map(|told| self.keep(told)).collect();
        (!kept.is_empty()).then_some(kept)
    }

    fn keep(&mut self, TimedEvent { at, once, mut event }: TimedEvent) -> Option<KeptEvent> {
        if let Some(once) = once {
            if self.told.contains(&once) {
                return None;
            }
            remember(&mut self.told, once);
        }
        // The clocks of machines differ.
        event.at = Duration::from_micros(at.saturating_sub(self.run_began));
        let event = serde_json::value::to_raw_value(&event).expect("events can always be written as JSON");
        self.last += 1;
        Some(KeptEvent { offset: self.last, run_began: self.run_began, event })
    }

    /// Finds the place for events with this many bytes, the first of which has this offset.
    pub(crate) fn place(&mut self, first: u64, bytes: usize) -> Place {
        let open = self.chunks.back_mut().filter(|chunk| chunk.bytes < CHUNK_BYTES);
        let (chunk, is_new) = match open {
            Some(chunk) => {
                chunk.bytes += bytes;
                (chunk.number, false)
            }
            None => {
                let number = self.next_chunk;
                self.next_chunk += 1;
                self.chunks.push_back(Chunk { number, first, bytes });
                (number, true)
            }
        };
        let (mut all, mut removed) = (self.chunks.iter().map(|chunk| chunk.bytes).sum::<usize>(), Vec::new());
        while all > MOST_BYTES && self.chunks.len() > 1 {
            let oldest = self.chunks.pop_front().expect("there is more than one");
            all -= oldest.bytes;
            removed.push(oldest.number);
        }
        Place { chunk, is_new, removed }
    }

    /// The chunks with the events after this offset, and the bytes of each.
    pub(crate) fn after(&self, after: u64) -> Vec<(usize, usize)> {
        // The chunk that begins at or before the next event, and all after it.
        let first = self.chunks.partition_point(|chunk| chunk.first <= after + 1).saturating_sub(1);
        let there = if self.last > after {
            self.chunks.iter().skip(first)
        } else {
            self.chunks.iter().skip(usize::MAX)
        };
        there.map(|chunk| (chunk.number, chunk.bytes)).collect()
    }
}

fn remember<T>(all: &mut VecDeque<T>, one: T) {
    if all.len() == REMEMBERED {
        all.pop_front();
    }
    all.push_back(one);
}

#[cfg(test)]
mod tests {
    use agent_core::EventKind;

    use super::*;

    fn told(at: u64, once: Option<&str>) -> TimedEvent {
        let kind = EventKind::TurnStarted { messages: Vec::new() };
        let event = Event::new(Duration::ZERO, "s", 0, "main", kind);
        TimedEvent { at, once: once.map(str::to_owned), event }
    }

    fn batch(sender: u64, number: u64, run_began: Option<u64>, events: Vec<TimedEvent>) -> Batch {
        Batch { sender, number, run_began, lost: 0, events }
    }

    /// The offsets, beginnings of runs and times of what is kept of a batch.
    fn check(head: &mut Head, batch: Batch, expected: &[(u64, u64, u64)]) {
        let kept = head.accept(batch).unwrap_or_default();
        let of = |kept: &KeptEvent| {
            let event: Event = serde_json::from_str(kept.event.get()).unwrap();
            (kept.offset, kept.run_began, u64::try_from(event.at.as_micros()).unwrap())
        };
        assert_eq!(kept.iter().map(of).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn events_get_offsets_and_times_of_their_run_whichever_process_sends_them() {
        let mut head = Head::default();
        check(
            &mut head,
            batch(1, 7, Some(1000), vec![told(1000, None), told(1500, None)]),
            &[(1, 1000, 0), (2, 1000, 500)],
        );
        // Another process does not know when the run began.
        check(&mut head, batch(2, 1, None, vec![told(1700, None)]), &[(3, 1000, 700)]);
        check(&mut head, batch(1, 8, Some(9000), vec![told(9001, None)]), &[(4, 9000, 1)]);
        check(&mut head, batch(2, 2, None, vec![told(8000, None)]), &[(5, 9000, 0)]);
    }

    #[test]
    fn a_batch_or_an_end_that_comes_twice_is_kept_once_and_lost_events_leave_a_gap() {
        let mut head = Head::default();
        check(&mut head, batch(1, 7, None, vec![told(5, None)]), &[(1, 5, 0)]);
        check(&mut head, batch(1, 7, None, vec![told(5, None)]), &[]);
        check(&mut head, batch(1, 6, None, vec![told(5, None)]), &[]);
        check(&mut head, batch(1, 8, None, vec![told(6, Some("end/0"))]), &[(2, 5, 1)]);
        check(
            &mut head,
            batch(2, 1, None, vec![told(7, Some("end/0")), told(8, Some("end/1"))]),
            &[(3, 5, 3)],
        );
        check(&mut head, Batch { lost: 10, ..batch(2, 2, None, vec![told(9, None)]) }, &[(14, 5, 4)]);
    }

    #[test]
    fn the_oldest_chunks_are_removed() {
        let mut head = Head::default();
        let place = |chunk, is_new, removed: &[usize]| Place { chunk, is_new, removed: removed.to_vec() };
        assert_eq!(head.place(1, CHUNK_BYTES - 1), place(0, true, &[]));
        assert_eq!(head.place(5, 1), place(0, false, &[]));
        assert_eq!(head.place(9, MOST_BYTES - CHUNK_BYTES), place(1, true, &[]));
        assert_eq!(head.place(12, 1), place(2, true, &[0]));
        // One that is too large by itself is kept until the next comes.
        assert_eq!(head.place(13, 2 * MOST_BYTES), place(2, false, &[1]));
        assert_eq!(head.place(14, 1), place(3, true, &[2]));
    }

    #[test]
    fn a_reader_finds_the_chunk_with_its_next_event() {
        let mut head = Head { last: 9, ..Head::default() };
        head.place(3, CHUNK_BYTES);
        head.place(6, CHUNK_BYTES);
        head.place(8, 1);
        let check = |after, expected: &[usize]| {
            let chunks: Vec<_> = head.after(after).into_iter().map(|(chunk, _)| chunk).collect();
            assert_eq!(chunks, expected, "after {after}");
        };
        check(0, &[0, 1, 2]);
        check(4, &[0, 1, 2]);
        check(5, &[1, 2]);
        check(7, &[2]);
        check(8, &[2]);
        check(9, &[]);
        check(100, &[]);
    }
}
