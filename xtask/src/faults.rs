//! Whether the table of faults and the tests agree.

use std::{collections::BTreeSet, fs};

use crate::{
    source::{Source, sources},
    task::{Done, root, verdict},
};

const TABLE: &str = "docs/faults.md";

/// How the names of tests begin: of what was read of others, and of what was tried on these crates.
const PREFIXES: [&str; 2] = ["fault_", "field_"];

/// Fails on a row without a test of its number or that stands twice, a test that is not there, and one that no row names.
pub(crate) fn run() -> Done {
    let table = fs::read_to_string(root().join(TABLE))?;
    let code = sources(&["crates", "tools"])?.into_iter().filter(Source::is_rust);
    let code: String = code.map(|source| source.text).collect();
    let tests = names(&code);
    let rows = rows(&table).count();
    verdict(&format!("faults: {rows} rows and {} tests agree", tests.len()), &wrong(&table, &tests))
}

fn wrong(table: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let listed = names(table);
    let empty = rows(table).filter(|(row, line)| {
        let names = names(line);
        let is_of_row =
            |name: &String| PREFIXES.iter().any(|prefix| name.starts_with(&format!("{prefix}{row}_")));
        !names.iter().any(is_of_row)
    });
    let empty = empty.map(|(row, _)| format!("{TABLE}: no test is named for row {row}"));
    let mut numbers = BTreeSet::new();
    let twice = rows(table).filter(|(row, _)| !numbers.insert(*row));
    let twice = twice.map(|(row, _)| format!("{TABLE}: row {row} stands twice")).collect::<Vec<_>>();
    let missing = listed.difference(tests).map(|name| format!("{TABLE}: there is no test {name}"));
    let unlisted = tests.difference(&listed).map(|name| format!("{TABLE}: test {name} is in no row"));
    empty.chain(twice).chain(missing).chain(unlisted).collect()
}

/// The table's rows: their number, and all of the line.
fn rows(table: &str) -> impl Iterator<Item = (usize, &str)> {
    table.lines().filter_map(|line| {
        let number = line.strip_prefix("| ")?.split(' ').next()?;
        Some((number.parse().ok()?, line))
    })
}

/// All names in a text that begin as the tests of faults do.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    let is_name = |word: &&str| {
        let rest = PREFIXES.iter().find_map(|prefix| word.strip_prefix(prefix)).unwrap_or_default();
        rest.starts_with(|char: char| char.is_ascii_digit()) && rest.contains('_')
    };
    words.filter(is_name).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_without_a_test_and_a_test_without_a_row_are_wrong() {
        let table = "| # | fault |\n| 7 | lost | `fault_7_x` |\n| 41 | used up | `field_41_x` |\n";
        let check = |table: &str, tests: &str, expected: &[&str]| {
            assert_eq!(wrong(table, &names(tests)), expected);
        };
        check(table, table, &[]);
        check(table, "field_41_x", &["docs/faults.md: there is no test fault_7_x"]);
        let more = format!("{table} fn field_42_y()");
        check(table, &more, &["docs/faults.md: test field_42_y is in no row"]);
        let twice = format!("{table}{table}");
        check(
            &twice,
            table,
            &[7, 41]
                .map(|row| format!("docs/faults.md: row {row} stands twice"))
                .each_ref()
                .map(String::as_str),
        );
        let short = table.replace("field_41_x", "fault_7_x");
        check(&short, &short, &["docs/faults.md: no test is named for row 41"]);
    }
}
