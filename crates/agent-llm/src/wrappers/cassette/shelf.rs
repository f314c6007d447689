//! Recordings by what they answer, and which of them were replayed.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    clean::Clean, difference::differences, miss::CassetteMiss, question::recorded_question,
    recording::Recording, tree::Tree,
};

/// The recordings of a cassette.
pub(super) struct Shelf {
    /// In the order of the file, those that count.
    recordings: Vec<Placed>,
    places: Mutex<HashMap<Tree, Places>>,
    /// The lines of recordings that newer ones have replaced.
    replaced: Vec<usize>,
}

struct Placed {
    line: usize,
    question: Tree,
    recording: Recording,
}

/// The recordings of one question.
#[derive(Default)]
struct Places {
    take: u32,
    all: Vec<usize>,
    replayed: usize,
}

impl Shelf {
    pub(super) fn new(recordings: &[(usize, Recording)], clean: &Clean) -> Self {
        let mut newest: HashMap<Tree, u32> = HashMap::new();
        let mut all = Vec::new();
        for (line, recording) in recordings {
            let question = recorded_question(&recording.request, clean);
            let newest = newest.entry(question.clone()).or_default();
            *newest = recording.take.max(*newest);
            all.push(Placed { line: *line, question, recording: recording.clone() });
        }
        let counts = |placed: &Placed| newest.get(&placed.question) == Some(&placed.recording.take);
        let (recordings, replaced): (Vec<Placed>, Vec<Placed>) = all.into_iter().partition(counts);
        let mut places: HashMap<Tree, Places> = HashMap::new();
        for (place, placed) in recordings.iter().enumerate() {
            let places = places.entry(placed.question.clone()).or_default();
            places.take = placed.recording.take;
            places.all.push(place);
        }
        let replaced = replaced.into_iter().map(|placed| placed.line).collect();
        Self { recordings, places: Mutex::new(places), replaced }
    }

    /// The next recording of a question: the first the first time, and so on. With `repeat`, the
    /// last again and again.
    pub(super) fn next(&self, question: &Tree, repeat: bool) -> Option<&Recording> {
        let mut places = self.places();
        let places = places.get_mut(question)?;
        let next = places.all.get(places.replayed);
        let place = next.or(places.all.last().filter(|_| repeat))?;
        places.replayed += usize::from(next.is_some());
        Some(&self.recordings[*place].recording)
    }

    /// The questions that have recordings.
    pub(super) fn questions(&self) -> impl Iterator<Item = &Tree> {
        self.recordings.iter().map(|placed| &placed.question)
    }

    /// The number for one more recording of this question, beside those that there are.
    pub(super) fn take(&self, question: &Tree) -> u32 {
        self.places().get(question).map_or(1, |places| places.take)
    }

    /// The lines of recordings that were not replayed, in order.
    pub(super) fn unused(&self) -> Vec<usize> {
        let places = self.places();
        let left = places.values().flat_map(|places| &places.all[places.replayed..]);
        let left = left.map(|place| self.recordings[*place].line);
        let mut lines: Vec<usize> = left.chain(self.replaced.iter().copied()).collect();
        lines.sort_unstable();
        lines
    }

    /// Says what is nearest to a question that has no recording left.
    pub(super) fn miss(&self, question: &Tree) -> CassetteMiss {
        let agent = question.get("agent").and_then(Tree::as_text).unwrap_or_default().to_owned();
        let recorded = self.places().get(question).map_or(0, |places| places.all.len());
        if recorded > 0 {
            return CassetteMiss { agent, recorded, nearest: None, differences: Vec::new() };
        }
        let compared = self.recordings.iter().map(|placed| {
            let (distance, differences) = differences(&placed.question, question);
            (distance, placed.line, differences)
        });
        match compared.min_by_key(|(distance, line, _)| (*distance, *line)) {
            Some((_, line, differences)) => {
                CassetteMiss { agent, recorded, nearest: Some(line), differences }
            }
            None => CassetteMiss { agent, recorded, nearest: None, differences: Vec::new() },
        }
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Tree, Places>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
