//! What is known of these servers: findings with the reason for each.

use serde::Deserialize;

use super::{Cell, read};

const FILE: &str = "xtask/foreign/known.json";

/// The rows of the file, in order, and what did not fit them.
#[derive(Default)]
pub(super) struct Known {
    rows: Vec<Row>,
    unknown: Vec<String>,
}

/// A finding that is known.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// Where: words that the cell's name has, all of them.
    at: Vec<String>,
    /// Words of the finding.
    finding: String,
    /// The reason.
    why: String,
    #[serde(skip)]
    came_up: bool,
}

/// The numbers of the known findings that a run has, from 1; an error if it has one that is not known.
pub(super) type Notes = Result<Vec<usize>, ()>;

impl Known {
    pub(super) fn read() -> Result<Self, String> {
        let rows = serde_json::from_str(&read(FILE)?).map_err(|error| format!("{FILE}: {error}"))?;
        Ok(Self { rows, unknown: Vec::new() })
    }

    /// The notes to a run.
    pub(super) fn notes(&mut self, cell: &Cell, findings: &[String]) -> Notes {
        let name = cell.to_string();
        let mut notes = Ok(Vec::new());
        for finding in findings {
            let fits =
                |row: &Row| row.at.iter().all(|words| name.contains(words)) && finding.contains(&row.finding);
            match (self.rows.iter().position(fits), &mut notes) {
                (Some(place), notes) => {
                    self.rows[place].came_up = true;
                    if let Ok(notes) = notes {
                        notes.push(place + 1);
                    }
                }
                (None, _) => {
                    self.unknown.push(format!("{name}: {finding}"));
                    notes = Err(());
                }
            }
        }
        if let Ok(notes) = &mut notes {
            notes.sort_unstable();
            notes.dedup();
        }
        notes
    }

    /// The reasons, in order.
    pub(super) fn reasons(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| row.why.as_str())
    }

    /// The findings that are not known.
    pub(super) fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// What is known and did not come up.
    pub(super) fn gone(&self) -> impl Iterator<Item = String> {
        let gone = self.rows.iter().filter(|row| !row.came_up);
        gone.map(|Row { at, finding, .. }| {
            format!("{FILE}: {}: {finding:?} no longer comes up", at.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foreign::{act::Act, servers::Server, wire::Wire};

    #[test]
    fn a_finding_has_the_number_of_its_reason_or_is_wrong() {
        let rows = serde_json::from_str(
            r#"[
                {"at": ["aimock", "chat"], "finding": "tokens", "why": "It counts none."},
                {"at": ["streamed"], "finding": "id", "why": "It has none."},
                {"at": ["llama"], "finding": "id", "why": "It has none."}
            ]"#,
        );
        let mut known = Known { rows: rows.unwrap(), unknown: Vec::new() };
        let mut check = |wire: Wire, findings: &[&str], expected: Notes| {
            let cell = Cell { server: Server::Aimock, wire, act: Act::Loop, streamed: true };
            let findings: Vec<String> = findings.iter().map(|finding| (*finding).to_owned()).collect();
            assert_eq!(known.notes(&cell, &findings), expected, "{findings:?}");
        };
        check(Wire::Chat, &[], Ok(vec![]));
        check(Wire::Chat, &["the id", "0 tokens", "no id"], Ok(vec![1, 2]));
        check(Wire::Messages, &["the id", "0 tokens"], Err(()));
        let unknown = ["aimock, /v1/messages: a loop with a tool, streamed: 0 tokens"];
        assert_eq!(known.unknown(), unknown);
        let gone = r#"xtask/foreign/known.json: llama: "id" no longer comes up"#;
        assert_eq!(known.gone().collect::<Vec<_>>(), [gone]);
        assert_eq!(known.reasons().count(), 3);
    }
}
