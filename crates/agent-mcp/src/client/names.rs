//! The names of tools, as models may call them.

use std::{
    collections::{HashMap, HashSet},
    hash::Hasher,
};

use fnv::FnvHasher;

/// The longest name that the APIs of all models take.
const LONGEST: usize = 64;

/// For each name of a list, a name that model APIs take: 1 to 64 letters, digits, `_` and `-`. A
/// name that is fine stays as it is. Two names stay two.
pub(super) fn mapped<'a>(names: impl IntoIterator<Item = &'a str> + Clone) -> HashMap<String, String> {
    let fine: HashSet<&str> = names.clone().into_iter().filter(|name| cleaned(name) == *name).collect();
    let mut taken: HashSet<String> = fine.iter().map(|name| (*name).to_owned()).collect();
    let mut mapped = HashMap::new();
    for name in names {
        let mut new = cleaned(name);
        if !fine.contains(name) && !taken.insert(new.clone()) {
            new = with_mark(&new, name);
            taken.insert(new.clone());
        }
        mapped.insert(name.to_owned(), new);
    }
    mapped
}

/// The name with a prefix, cut if it is too long.
pub(super) fn prefixed(prefix: &str, name: &str) -> String {
    cleaned(&format!("{prefix}_{name}"))
}

/// The name with `_` for what can't stand in a name. A name that is too long is cut, and gets a
/// mark so that two long names with the same beginning stay two.
fn cleaned(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let clean: String = name.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
    if clean.len() > LONGEST { with_mark(&clean, name) } else { clean }
}

/// The name with a mark that is made from the original. It is the same in each process and in each
/// version of this crate, because names are kept in conversations.
fn with_mark(clean: &str, original: &str) -> String {
    let mut hasher = FnvHasher::default();
    hasher.write(original.as_bytes());
    let mark = format!("_{:08x}", hasher.finish() as u32);
    let kept = clean.len().min(LONGEST - mark.len());
    format!("{}{mark}", &clean[..kept])
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, mapped, prefixed};

    fn check(names: &[&str], expected: &[&str]) {
        let mapped = mapped(names.iter().copied());
        let got: Vec<&str> = names.iter().map(|name| mapped[*name].as_str()).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn names_that_an_api_refuses_are_mapped() {
        check(&["read", "a-b_c"], &["read", "a-b_c"]);
        check(&["files/read", "größe"], &["files_read", "gr__e"]);
        check(&[&"x".repeat(64)], &[&"x".repeat(64)]);
    }

    #[test]
    fn two_names_stay_two() {
        // The one that is fine keeps its name, wherever it stands.
        check(&["a.b", "a_b"], &["a_b_0466522c", "a_b"]);
        let long = ["x".repeat(80) + "1", "x".repeat(80) + "2"];
        let mapped = mapped(long.iter().map(String::as_str));
        assert_ne!(mapped[&long[0]], mapped[&long[1]]);
        assert!(mapped.values().all(|name| name.len() == LONGEST));
        assert!(prefixed("server", &long[0]).len() <= LONGEST);
        assert_eq!(prefixed("my files", "read"), "my_files_read");
    }
}
