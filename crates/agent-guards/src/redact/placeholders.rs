//! The placeholders of one request, and the values that they stand for.

use std::{collections::HashMap, ops::Range, sync::Arc};

use regex::Regex;

use super::pattern::Pattern;

/// The kind of texts that already look like a placeholder. They get one, so that they are not taken
/// for a value.
const LITERAL: &str = "LITERAL";

/// The kind of values that overlap with others.
const SECRET: &str = "SECRET";

/// How many bytes a value has at least that is replaced wherever it stands. Shorter ones may be part of
/// other words.
const SHORTEST: usize = 8;

/// How many such values there are in a request at most, so that a hostile text can't make the search
/// slow.
const MOST: usize = 1_000;

/// How often a text is searched for values that others have hidden. After that, all that is left
/// around such a value is replaced, so that a hostile text can't make the search slow.
const ROUNDS: u32 = 8;

/// The longest placeholder in bytes.
pub(super) const LONGEST: usize = 64;

/// All patterns, and how placeholders look.
pub(super) struct Patterns {
    all: Vec<Pattern>,
    placeholder: Regex,
}

impl Patterns {
    pub(super) fn new(all: Vec<Pattern>) -> Self {
        let kinds: Vec<&str> = all.iter().map(|pattern| &*pattern.kind).chain([LITERAL, SECRET]).collect();
        let placeholder = format!(r"\[(?:{})_[0-9]{{1,9}}\]", kinds.join("|"));
        let placeholder = Regex::new(&placeholder).expect("kinds are letters and underscores");
        Self { all, placeholder }
    }
}

/// Values and their placeholders, numbered in the order in which they were found. So the same
/// messages give the same placeholders, in any process.
pub(super) struct Placeholders {
    patterns: Arc<Patterns>,
    /// Placeholders by their values, and the other way round.
    by_value: HashMap<String, String>,
    values: HashMap<String, String>,
    counts: HashMap<String, u32>,
    /// Values that are recognised only by what is around them. They are replaced elsewhere, too.
    contextual: Vec<String>,
}

/// A value in a text.
struct Found {
    place: Range<usize>,
    kind: String,
    contextual: bool,
}

impl Placeholders {
    pub(super) fn new(patterns: Arc<Patterns>) -> Self {
        let (by_value, values, counts) = Default::default();
        Self { patterns, by_value, values, counts, contextual: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The placeholders so far, in order of their names.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.values.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    /// Whether there is no value in a text. What looks like a placeholder is none.
    pub(super) fn is_clean(&self, text: &str) -> bool {
        self.find(text, &[]).iter().all(|found| found.kind == LITERAL)
    }

    /// The text with placeholders in the place of values; `None` if there are no values in it.
    pub(super) fn redact(&mut self, text: &str) -> Option<String> {
        let (mut redacted, mut put) = (text.to_owned(), Vec::<Range<usize>>::new());
        // A value may be recognised only after another one beside it is replaced.
        for round in 0.. {
            let mut found = self.find(&redacted, &put);
            if found.is_empty() {
                break;
            }
            if round >= ROUNDS {
                found = whole_gaps(found, &put, redacted.len());
            }
            (redacted, put) = self.replace(&redacted, found, &put);
        }
        (!put.is_empty()).then_some(redacted)
    }

    /// The values in a text that are not yet replaced, in order. Where several overlap, they are one.
    fn find(&self, text: &str, put: &[Range<usize>]) -> Vec<Found> {
        let literals = self.patterns.placeholder.find_iter(text).map(|found| (found.range(), LITERAL, false));
        let mut found: Vec<(Range<usize>, &str, bool)> = literals.collect();
        for pattern in &self.patterns.all {
            let places = pattern.find(text).into_iter();
            found.extend(places.map(|place| (place, &*pattern.kind, pattern.is_contextual())));
        }
        for value in &self.contextual {
            let places = text.match_indices(&**value).map(|(start, _)| start..start + value.len());
            found.extend(places.map(|place| (place, "", true)));
        }
        found.retain(|(place, ..)| {
            let next = put.partition_point(|put| put.end <= place.start);
            put.get(next).is_none_or(|put| put.start >= place.end)
        });
        // The first pattern gives the kind.
        found.sort_by_key(|(place, ..)| place.start);
        let mut merged: Vec<Found> = Vec::new();
        for (place, kind, contextual) in found {
            match merged.last_mut().filter(|last| place.start < last.place.end) {
                Some(last) => last.place.end = last.place.end.max(place.end),
                None => merged.push(Found { place, kind: kind.to_owned(), contextual }),
            }
        }
        merged
    }

    /// The text with these values replaced, and where its placeholders are.
    fn replace(
        &mut self,
        text: &str,
        found: Vec<Found>,
        put: &[Range<usize>],
    ) -> (String, Vec<Range<usize>>) {
        let (mut replaced, mut places, mut done) = (String::new(), Vec::new(), 0);
        let mut old = put.iter().cloned().map(|place| (place, None)).collect::<Vec<_>>();
        old.extend(found.into_iter().map(|found| (found.place.clone(), Some(found))));
        old.sort_by_key(|(place, _)| place.start);
        for (place, found) in old {
            replaced.push_str(&text[done..place.start]);
            let start = replaced.len();
            match found {
                Some(found) => replaced.push_str(&self.placeholder(&text[place.clone()], found)),
                None => replaced.push_str(&text[place.clone()]),
            }
            places.push(start..replaced.len());
            done = place.end;
        }
        replaced.push_str(&text[done..]);
        (replaced, places)
    }

    fn placeholder(&mut self, value: &str, Found { kind, contextual, .. }: Found) -> String {
        if let Some(known) = self.by_value.get(value) {
            return known.clone();
        }
        let kind = if kind.is_empty() { SECRET.to_owned() } else { kind };
        let count = self.counts.entry(kind.clone()).or_default();
        *count += 1;
        let placeholder = format!("[{kind}_{count}]");
        self.by_value.insert(value.to_owned(), placeholder.clone());
        self.values.insert(placeholder.clone(), value.to_owned());
        if contextual && value.len() >= SHORTEST && self.contextual.len() < MOST {
            self.contextual.push(value.to_owned());
        }
        placeholder
    }

    /// The text with the values in the place of their placeholders; `None` if there are none in it.
    /// `within_json` says that the text is part of a JSON text.
    pub(super) fn restore(&self, text: &str, within_json: bool) -> Option<String> {
        let (mut restored, mut done) = (String::new(), 0);
        for found in self.patterns.placeholder.find_iter(text) {
            let Some(value) = self.values.get(found.as_str()) else { continue };
            restored.push_str(&text[done..found.start()]);
            match within_json {
                true => restored.push_str(&escaped(value)),
                false => restored.push_str(value),
            }
            done = found.end();
        }
        restored.push_str(&text[done..]);
        (done > 0).then_some(restored)
    }
}

/// The text as it is written between the quotes of a JSON string.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// The values with all that is between them and the placeholders around them.
fn whole_gaps(found: Vec<Found>, put: &[Range<usize>], length: usize) -> Vec<Found> {
    let mut gaps: Vec<Found> = Vec::new();
    for Found { place, kind, contextual } in found {
        let next = put.partition_point(|put| put.end <= place.start);
        let start = next.checked_sub(1).map_or(0, |last| put[last].end);
        let end = put.get(next).map_or(length, |put| put.start);
        if gaps.last().is_none_or(|last| last.place.start != start) {
            gaps.push(Found { place: start..end, kind, contextual });
        }
    }
    gaps
}
