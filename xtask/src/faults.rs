//! Whether the table of faults and the tests agree.

use std::{collections::BTreeSet, fs};

use crate::{
    source::{Source, sources},
    task::{Done, root, verdict},
};

const TABLE: &str = "docs/faults.md";

/// How many faults there are to hold against.
const ROWS: usize = 40;

/// Fails on a row without a test, a test that is not there, and one that no row names.
pub(crate) fn run() -> Done {
    let table = fs::read_to_string(root().join(TABLE))?;
    let code = sources(&["crates"])?.into_iter().filter(Source::is_rust);
    let code: String = code.map(|source| source.text).collect();
    let tests = names(&code);
    verdict(&format!("faults: {ROWS} rows and {} tests agree", tests.len()), &wrong(&table, &tests))
}

fn wrong(table: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let listed = names(table);
    let rows = (1..=ROWS).map(|row| format!("fault_{row}_"));
    let empty = rows.filter(|row| !listed.iter().any(|name| name.starts_with(row)));
    let empty = empty.map(|row| {
        format!("{TABLE}: no test is named for row {}", row.replace("fault_", "").replace('_', ""))
    });
    let missing = listed.difference(tests).map(|name| format!("{TABLE}: there is no test {name}"));
    let unlisted = tests.difference(&listed).map(|name| format!("{TABLE}: test {name} is in no row"));
    empty.chain(missing).chain(unlisted).collect()
}

/// All names in a text that begin as the tests of faults do.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    let is_name = |word: &&str| {
        let rest = word.strip_prefix("fault_").unwrap_or_default();
        rest.starts_with(|char: char| char.is_ascii_digit()) && rest.contains('_')
    };
    words.filter(is_name).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_without_a_test_and_a_test_without_a_row_are_wrong() {
        let table: String = (1..=ROWS).map(|row| format!("| `fault_{row}_x` |\n")).collect();
        let check = |tests: &str, expected: &[&str]| assert_eq!(wrong(&table, &names(tests)), expected);
        check(&table, &[]);
        check(&table.replace("fault_7_x", "seven"), &["docs/faults.md: there is no test fault_7_x"]);
        check(&format!("{table} fn fault_7_y()"), &["docs/faults.md: test fault_7_y is in no row"]);
        let short = table.replace("fault_40_x", "");
        assert_eq!(wrong(&short, &names(&short)), ["docs/faults.md: no test is named for row 40"]);
    }
}
