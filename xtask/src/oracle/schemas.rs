//! The official tests of JSON Schema, draft 2020-12: does a tool that is wrapped in `Validated` get the right inputs?

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

use agent_core::{Context, Json, Outcome, Tool, ToolSpec, async_trait};
use agent_tools::{InvalidSchema, Validated};
use program::println;
use serde::Deserialize;

use crate::task::Done;

/// The tests that are known to fail, each with the reason.
const KNOWN: &str = include_str!("../../oracle/schemas.json");

/// The parts of the suite, as folders. Its folder `optional/format` is left out: `format` is not a rule of this draft,
/// unless somebody asks for it.
const PARTS: [(&str, &str); 2] = [("required", ""), ("optional", "optional/")];

/// The server that the suite wants: some of its schemas refer to documents there. Here nothing is fetched, so a schema
/// that needs one must be refused, with these words.
const SERVER: &str = "http://localhost:1234/";
const NOT_FETCHED: &str = "a schema can refer only to its own parts";

/// Tests of one schema.
#[derive(Deserialize)]
struct Group {
    description: String,
    schema: Json,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    description: String,
    data: Json,
    valid: bool,
}

/// Tests that do not pass.
#[derive(Debug, PartialEq)]
struct Fault {
    /// The file, the group and, unless the schema itself was refused, the test.
    name: String,
    /// How many tests do not pass because of it.
    tests: usize,
    why: String,
}

/// What came of a part of the suite.
#[derive(Default)]
struct Tally {
    tests: usize,
    /// Tests of schemas that were refused because they need another document.
    refused: usize,
    faults: Vec<Fault>,
}

/// Runs each test of a folder. Fails on each test that fails, unless it is known to, and on known ones that pass.
pub(super) async fn check(folder: &Path) -> Done {
    let (mut said, mut faults) = (Vec::new(), Vec::new());
    for (part, below) in PARTS {
        let mut tally = Tally::default();
        for file in files(&folder.join(below))? {
            let groups: Vec<Group> = serde_json::from_slice(&fs::read(folder.join(below).join(&file))?)?;
            for group in &groups {
                tally.try_group(&format!("{below}{file}"), group).await;
            }
        }
        said.push(tally.say(part));
        faults.append(&mut tally.faults);
    }
    let wrong = unexpected(&faults, &serde_json::from_str(KNOWN)?);
    if wrong.is_empty() {
        println!("oracle: tests of JSON Schema: {}", said.join("; "));
        Ok(())
    } else {
        Err(format!("oracle: tests of JSON Schema:\n{}", wrong.join("\n")).into())
    }
}

/// The names of a folder's own files.
fn files(folder: &Path) -> io::Result<BTreeSet<String>> {
    let entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    let files = entries.iter().filter(|entry| entry.path().is_file());
    Ok(files.map(|file| file.file_name().to_string_lossy().into_owned()).collect())
}

impl Tally {
    /// Gives a tool with the group's schema each input of the group.
    async fn try_group(&mut self, file: &str, group: &Group) {
        let name = format!("{file}: {}", group.description);
        let tests = group.tests.len();
        self.tests += tests;
        let spec = ToolSpec::new("tool", "", group.schema.clone());
        let tool = match Validated::new(Called(spec)) {
            Ok(tool) => tool,
            Err(InvalidSchema { why, .. }) => {
                let needs_more = group.schema.text().contains(SERVER) && why.contains(NOT_FETCHED);
                if needs_more {
                    self.refused += tests;
                } else {
                    self.faults.push(Fault { name, tests, why });
                }
                return;
            }
        };
        for test in &group.tests {
            let outcome = tool.call(test.data.clone(), Context::by_hand("call")).await;
            let was_called = matches!(outcome, Outcome::Output(_));
            if was_called != test.valid {
                let why = if was_called { "a wrong input is accepted" } else { "a right input is refused" };
                let name = format!("{name}: {}", test.description);
                self.faults.push(Fault { name, tests: 1, why: why.to_owned() });
            }
        }
    }

    fn say(&self, part: &str) -> String {
        let failed: usize = self.faults.iter().map(|fault| fault.tests).sum();
        let (tests, refused) = (self.tests, self.refused);
        let passed = tests - failed - refused;
        format!("{passed} of {tests} {part} ones pass, {refused} need another document, {failed} fail")
    }
}

/// What is wrong although nobody has said so, and what is said to be wrong and is not.
fn unexpected(faults: &[Fault], known: &BTreeMap<String, String>) -> Vec<String> {
    let new = faults.iter().filter(|fault| !known.contains_key(&fault.name));
    let new = new.map(|fault| format!("{}: {}", fault.name, fault.why));
    let over = known.keys().filter(|test| !faults.iter().any(|fault| fault.name == **test));
    let over =
        over.map(|test| format!("{test}: xtask/oracle/schemas.json says that it fails, but it passes"));
    new.chain(over).collect()
}

/// A tool that says that it was called.
struct Called(ToolSpec);

#[async_trait]
impl Tool for Called {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, _: Json, _: Context) -> Outcome {
        Outcome::output("called")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[tokio::test]
    async fn a_wrong_verdict_is_found_and_so_is_a_schema_that_is_refused_without_need() {
        let check = async |schema: Value, valid: bool, [refused, failed]: [usize; 2], why: &str| {
            let group = json!({
                "description": "group", "schema": schema, "tests": [{"description": "test", "data": 1, "valid": valid}],
            });
            let mut tally = Tally::default();
            tally.try_group("file", &serde_json::from_value(group).unwrap()).await;
            assert_eq!((tally.tests, tally.refused, tally.faults.len()), (1, refused, failed), "{schema}");
            let found = unexpected(&tally.faults, &BTreeMap::new());
            assert!(found.first().map_or(why.is_empty(), |found| found.contains(why)), "{found:?}");
        };
        let [number, text] = ["number", "string"].map(|kind| json!({"type": kind}));
        check(number.clone(), true, [0, 0], "").await;
        check(text.clone(), false, [0, 0], "").await;
        check(number, false, [0, 1], "file: group: test: a wrong input is accepted").await;
        check(text, true, [0, 1], "file: group: test: a right input is refused").await;
        check(json!({"$ref": "http://localhost:1234/a.json"}), true, [1, 0], "").await;
        let own = json!({"$ref": "#/$defs/a"});
        check(own, true, [0, 1], "file: group: ").await;
    }

    #[test]
    fn a_known_fault_that_is_gone_is_found() {
        let known = BTreeMap::from([("file: group".to_owned(), "because".to_owned())]);
        let fault = Fault { name: "file: group".to_owned(), tests: 2, why: "refused".to_owned() };
        assert_eq!(unexpected(&[fault], &known), Vec::<String>::new());
        let gone = "file: group: xtask/oracle/schemas.json says that it fails, but it passes";
        assert_eq!(unexpected(&[], &known), [gone]);
    }
}
