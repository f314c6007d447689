//! The table in `docs/foreign.md`.

use std::fs;

use super::{
    Cell,
    act::Act,
    known::{Known, Notes},
    read,
    servers::Server,
    wire::Wire,
};
use crate::task::{Done, root};

const FILE: &str = "docs/foreign.md";

/// What stands around it there.
const BEGIN: &str = "<!-- Written by `cargo xtask foreign --write` -->\n";
const END: &str = "<!-- Until here -->\n";

/// The runs: a row for each server and API, a column for each act; in each of these, streamed and in one piece.
#[derive(Default)]
pub(super) struct Table(Vec<(String, Vec<String>)>);

impl Table {
    /// Fills in a run. The runs come in the order of rows and columns.
    pub(super) fn put(&mut self, cell: &Cell, notes: &Notes) {
        let row = begin(cell.server, cell.wire);
        let word = match notes {
            Ok(notes) if notes.is_empty() => "yes".to_owned(),
            Ok(notes) => notes.iter().map(|note| format!("({note})")).collect(),
            Err(()) => "**no**".to_owned(),
        };
        match self.0.last_mut().filter(|(last, _)| *last == row) {
            Some((_, words)) => words.push(word),
            None => self.0.push((row, vec![word])),
        }
    }

    /// Writes it to its file, or checks that it stands there.
    pub(super) fn publish(&self, known: &Known, write: bool) -> Done {
        let text = read(FILE)?;
        let (before, rest) = text.split_once(BEGIN).ok_or_else(|| format!("{FILE}: no {BEGIN:?}"))?;
        let (old, after) = rest.split_once(END).ok_or_else(|| format!("{FILE}: no {END:?}"))?;
        let new = self.markdown(known, old);
        match write {
            true => Ok(fs::write(root().join(FILE), [before, BEGIN, &new, END, after].concat())?),
            false if old == new => Ok(()),
            false => Err(format!("{FILE} has another table; `--write` writes this one:\n{new}").into()),
        }
    }

    /// The table and its notes. Rows of servers that were left out are as they were.
    fn markdown(&self, known: &Known, old: &str) -> String {
        let acts: Vec<String> = Act::ALL.iter().map(|act| format!(" {act} |")).collect();
        let mut lines =
            vec![format!("\n| server | API |{}", acts.concat()), "|--".repeat(2 + acts.len()) + "|"];
        for server in Server::ALL {
            let rows = Wire::ALL.map(|wire| begin(server, wire));
            lines.extend(rows.iter().filter_map(|row| self.row(row).or_else(|| earlier(old, row))));
        }
        lines.push(String::new());
        lines.extend(known.reasons().enumerate().map(|(place, why)| format!("{}. {why}", place + 1)));
        lines.join("\n") + "\n\n"
    }

    fn row(&self, row: &str) -> Option<String> {
        let (_, words) = self.0.iter().find(|(name, _)| name == row)?;
        let pairs: Vec<String> = words.chunks(2).map(|pair| format!(" {} |", pair.join(" / "))).collect();
        Some(format!("{row}{}", pairs.concat()))
    }
}

/// How a row begins.
fn begin(server: Server, wire: Wire) -> String {
    format!("| {server} | `{wire}` |")
}

fn earlier(old: &str, row: &str) -> Option<String> {
    old.lines().find(|line| line.starts_with(row)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn a_server_has_a_row_for_each_api_and_one_that_was_left_out_keeps_its_own() {
        let mut table = Table::default();
        let notes = [Ok(vec![]), Ok(vec![1, 2]), Err(())];
        for wire in Wire::ALL {
            for (act, notes) in Act::ALL.into_iter().zip(notes.iter().cycle()) {
                for streamed in [true, false] {
                    table.put(&Cell { server: Server::Aimock, wire, act, streamed }, notes);
                }
            }
        }
        let old = "| llama.cpp | `/v1/responses` | as it was |\n| aimock | `/v1/responses` | as it was |\n";
        assert_snapshot!(table.markdown(&Known::default(), old));
    }
}
