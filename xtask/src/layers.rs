//! Which crate may depend on which, what the core may name, that no modules use each other in a
//! circle, and that nothing is built twice.

mod circles;
mod defaults;
mod edges;
mod modules;
mod names;
mod once;
mod words;

use crate::metadata::Metadata;
use crate::source::sources;
use crate::task::{Done, verdict};

/// Fails on each dependency and each name that crosses a layer.
pub(crate) fn run() -> Done {
    let metadata = Metadata::of_everything()?;
    let libraries: Vec<&str> = metadata.libraries().map(|library| library.name.as_str()).collect();
    let sources = sources(&["crates/"])?;
    let (modules, circles) = circles::of_all(&libraries, &sources)?;
    let wrong = [
        edges::forbidden(&metadata),
        defaults::forbidden(&metadata),
        words::forbidden(&sources),
        circles,
        once::forbidden()?,
    ]
    .concat();
    let summary = format!(
        "layers: {} library crates with {modules} modules and {} files of the core keep the rules",
        libraries.len(),
        sources.iter().filter(|source| source.is_under(words::CORE)).count()
    );
    verdict(&summary, &wrong)
}
