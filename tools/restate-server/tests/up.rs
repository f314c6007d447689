//! The program: up, up again, down, up.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

/// What the program prints, which must go well.
fn run(folder: &Path, words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_restate-server"))
        .args(words)
        .arg("--folder")
        .arg(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The line of the only node, without its process and memory.
fn node(said: &str) -> &str {
    said.lines().find_map(|line| line.split_once(" (process")).expect("a node is shown").0
}

/// Stops what a test that fails has started.
struct Down<'a>(&'a Path);

impl Drop for Down<'_> {
    fn drop(&mut self) {
        run(self.0, &["down"]);
    }
}

#[test]
fn up_and_down_and_up() {
    if let Err(missing) = restate_server::install() {
        println!("skipped: {missing}");
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let folder = &temporary.path().join("run");
    assert_eq!(run(folder, &["status"]), "Restate is not up\n");
    assert_eq!(run(folder, &["down"]), "Restate is not up\n");

    let _down = Down(folder);
    let first = run(folder, &["up"]);
    assert!(first.starts_with("Restate 1.7.12 is up\n"), "{first}");
    let again = run(folder, &["up"]);
    assert!(again.starts_with("Restate 1.7.12 is up already\n"), "{again}");
    let status = run(folder, &["status"]);
    assert_eq!([node(&first), node(&first)], [node(&again), node(&status)]);

    run(folder, &["down"]);
    assert_eq!(run(folder, &["status"]), "Restate is not up\n");
    assert!(folder.join("n1").exists() && !folder.join("state.json").exists());

    let next = run(folder, &["up"]);
    assert!(next.starts_with("Restate 1.7.12 is up\n"), "{next}");
    assert_eq!(node(&next), node(&first));
    run(folder, &["down"]);
    let fresh = run(folder, &["up", "--fresh"]);
    assert!(fresh.starts_with("Restate 1.7.12 is up\n"), "{fresh}");
}
