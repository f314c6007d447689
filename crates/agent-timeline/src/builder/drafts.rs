//! All bars so far.

use std::{
    collections::HashSet,
    ops::{Index, IndexMut},
};

use super::draft::Draft;
use crate::bar::Bar;

/// The bars, each with an id of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Drafts {
    list: Vec<Draft>,
    ids: HashSet<String>,
}

impl Drafts {
    /// Adds a bar. If another one has its id, as in a later run of the same conversation, a number
    /// is added to the id.
    pub(super) fn add(&mut self, mut bar: Bar, run: usize) -> usize {
        let place = self.list.len();
        if self.ids.contains(&bar.id) {
            bar.id = format!("{}@{place}", bar.id);
        }
        self.ids.insert(bar.id.clone());
        self.list.push(Draft::new(bar, run));
        place
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Draft> {
        self.list.iter()
    }

    /// The place of the next one.
    pub(super) fn next(&self) -> usize {
        self.list.len()
    }
}

impl Index<usize> for Drafts {
    type Output = Draft;

    fn index(&self, place: usize) -> &Draft {
        &self.list[place]
    }
}

impl IndexMut<usize> for Drafts {
    fn index_mut(&mut self, place: usize) -> &mut Draft {
        &mut self.list[place]
    }
}
