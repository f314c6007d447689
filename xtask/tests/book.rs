//! The pages of `docs` are a book, too, so their links must lead to pages of the book.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The files that the links on a page lead to, from the folder of docs. Links to the web and within the page are none of them.
fn linked(page: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(docs().join(page)).unwrap();
    // What stands in fences is code.
    let prose: String = text.split("\n```").step_by(2).collect();
    let links = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = links.filter(|link| !link.contains("://") && !link.starts_with('#'));
    files.map(|file| page.parent().unwrap().join(file.split('#').next().unwrap())).collect()
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs")
}

/// `guide/../durability.md` is `durability.md`; what is outside of docs keeps its `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part.as_os_str() == ".." && plain.file_name().is_some() {
            true => drop(plain.pop()),
            false => plain.push(part),
        }
    }
    plain
}

#[test]
fn links_on_pages_of_the_book_lead_to_pages_of_the_book() {
    let pages: BTreeSet<PathBuf> = linked(Path::new("SUMMARY.md")).iter().map(|page| plain(page)).collect();
    let mut wrong = Vec::new();
    for page in &pages {
        for to in linked(page) {
            let to = plain(&to);
            let is_page = to.extension().is_some_and(|extension| extension == "md");
            if !docs().join(&to).is_file() || to.starts_with("..") || is_page && !pages.contains(&to) {
                wrong.push(format!("{} links to {}", page.display(), to.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "not in the book (docs/SUMMARY.md); name other files without a link: {wrong:#?}"
    );
    assert!(pages.len() > 20, "{pages:?}");
}

#[test]
fn each_chapter_is_in_both_tables_of_contents() {
    let of = |page: &str| -> BTreeSet<PathBuf> {
        let pages = linked(Path::new(page)).into_iter().map(|page| plain(&page));
        pages.filter(|page| page.starts_with("guide") && !page.ends_with("README.md")).collect()
    };
    let files = fs::read_dir(docs().join("guide")).unwrap().map(|file| file.unwrap().file_name());
    let files = files.filter(|name| name != "README.md").map(|name| Path::new("guide").join(name));
    let files: BTreeSet<PathBuf> = files.collect();
    assert_eq!(of("SUMMARY.md"), files);
    assert_eq!(of("guide/README.md"), files);
}
