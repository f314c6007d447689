//! Which crate may depend on which, what the core may name, and that nothing is built twice.

mod defaults;
mod edges;
mod once;
mod words;

use crate::metadata::Metadata;
use crate::source::sources;
use crate::task::{Done, verdict};

/// Fails on each dependency and each name that crosses a layer.
pub(crate) fn run() -> Done {
    let metadata = Metadata::of_everything()?;
    let sources = sources(words::CORE)?;
    let wrong = [
        edges::forbidden(&metadata),
        defaults::forbidden(&metadata),
        words::forbidden(&sources),
        once::forbidden()?,
    ]
    .concat();
    let summary = format!(
        "layers: {} library crates and {} files of the core keep the rules",
        metadata.libraries().count(),
        sources.len()
    );
    verdict(&summary, &wrong)
}
