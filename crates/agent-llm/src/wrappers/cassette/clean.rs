//! What is taken out of texts before they are written or compared.

use std::{borrow::Cow, sync::Arc};

use super::{secrets, tree::Tree};

type Change = dyn Fn(&str) -> String + Send + Sync;

/// Takes secrets out of all texts, and out of requests also what differs from run to run.
#[derive(Clone, Default)]
pub(super) struct Clean {
    scrub: Vec<Arc<Change>>,
    normalize: Vec<Arc<Change>>,
}

impl Clean {
    pub(super) fn also_scrub(&mut self, scrub: Arc<Change>) {
        self.scrub.push(scrub);
    }

    pub(super) fn also_normalize(&mut self, normalize: Arc<Change>) {
        self.normalize.push(normalize);
    }

    /// A text without secrets.
    pub(super) fn scrubbed<'a>(&self, text: &'a str) -> Cow<'a, str> {
        changed(secrets::scrub(text), &self.scrub)
    }

    /// A text of a request, as requests are compared.
    pub(super) fn normalized<'a>(&self, text: &'a str) -> Cow<'a, str> {
        changed(self.scrubbed(text), &self.normalize)
    }

    /// JSON without secrets. It is the same text if there are none.
    pub(super) fn scrubbed_json<'a>(&self, json: &'a str) -> Cow<'a, str> {
        let mut tree = Tree::read(json);
        match tree.change_texts(&|text| self.scrubbed(text)) {
            true => tree.json().into(),
            false => json.into(),
        }
    }
}

fn changed<'a>(text: Cow<'a, str>, changes: &[Arc<Change>]) -> Cow<'a, str> {
    changes.iter().fold(text, |text, change| change(&text).into())
}
