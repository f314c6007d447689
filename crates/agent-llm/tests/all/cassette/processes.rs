//! Processes that share a file, and what the environment says.

use std::{path::Path, process::Command};

use agent_core::script::{Reply, Script};
use agent_llm::{Cassette, Claude};

use super::{ask, asking, place, read, texts};

/// Says to this program that it is one of the processes of a test, and which.
const ROLE: &str = "CASSETTE_TEST_ROLE";
const FILE: &str = "CASSETTE_TEST_FILE";

/// Begins this program again, with one test of it and this environment.
fn process(role: &str, path: &Path, mode: Option<&str>) -> Command {
    let mut process = Command::new(std::env::current_exe().unwrap());
    process.args(["--exact", "cassette::processes::what_a_process_of_these_tests_does", "--nocapture"]);
    process.env(ROLE, role).env(FILE, path);
    process.env_remove("ANTHROPIC_API_KEY").env_remove("AGENT_CASSETTE");
    process.envs(mode.map(|mode| ("AGENT_CASSETTE", mode)));
    process
}

fn run(role: &str, path: &Path, mode: Option<&str>) -> String {
    let output = process(role, path, mode).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    said.lines()
        .find_map(|line| line.strip_prefix("said: "))
        .unwrap_or_default()
        .replace(&path.display().to_string(), "run.jsonl")
}

#[tokio::test]
async fn what_a_process_of_these_tests_does() {
    let (Ok(role), Ok(path)) = (std::env::var(ROLE), std::env::var(FILE)) else { return };
    let said = match role.as_str() {
        "replay" => match Cassette::from_env(&path, Claude::from_env) {
            Ok(cassette) => texts(&cassette, &["hi", "new"]).await.join(", "),
            Err(error) => error.to_string(),
        },
        writer => {
            let script = Script::by({
                let writer = writer.to_owned();
                move |request| {
                    Reply::text(format!("{writer}: {} {}", request.last_text(), "word ".repeat(500)))
                }
            });
            let cassette = Cassette::from_env(&path, || Ok::<_, std::io::Error>(script)).unwrap();
            for turn in 0..20 {
                ask(&cassette, asking(&format!("{writer} {turn}"))).await;
            }
            texts(&cassette, &["hi"]).await.join("")
        }
    };
    eprintln!("said: {}", said.replace("word ", ""));
}

#[tokio::test]
async fn processes_may_record_into_one_file_at_the_same_time() {
    let (_folder, path) = place();
    let mut all = ["a", "b", "c"].map(|role| process(role, &path, Some("record")).spawn().unwrap());
    for process in &mut all {
        assert!(process.wait().unwrap().success());
    }
    // A process that finds the line of another one half written begins a new line. So there may be
    // blank ones, which are passed over.
    assert_eq!(read(&path).lines().filter(|line| !line.trim().is_empty()).count(), 63);
    let cassette = Cassette::replay(&path).unwrap();
    for (role, turn) in ["a", "b", "c"].iter().flat_map(|role| (0..20).map(move |turn| (role, turn))) {
        let question = format!("{role} {turn}");
        assert!(texts(&cassette, &[&question]).await[0].starts_with(&format!("{role}: {question} ")));
    }
}

#[tokio::test]
async fn a_process_that_records_replaces_what_others_have_recorded_before() {
    let (_folder, path) = place();
    assert_eq!(run("a", &path, Some("record")), "a: hi ");
    assert_eq!(run("b", &path, Some("record")), "b: hi ");
    assert_eq!(run("c", &path, Some("new")), "b: hi ");
    let cassette = Cassette::replay(&path).unwrap();
    let said = texts(&cassette, &["hi", "hi", "a 0", "c 0"]).await;
    let begins: Vec<&str> = said.iter().map(|said| said.split(' ').next().unwrap()).collect();
    assert_eq!(begins, ["b:", "NotAsked", "a:", "c:"]);
    // What was replaced is the last line of the first process.
    assert_eq!(cassette.unused()[19], 21);
}

#[tokio::test]
async fn a_replay_needs_no_key_and_only_a_recording_makes_the_backend() {
    let (_folder, path) = place();
    assert!(run("replay", &path, None).starts_with("there is no cassette run.jsonl: record it once"));
    assert!(
        run("replay", &path, Some("record")).starts_with("the backend to record can't be made: no API key")
    );
    assert_eq!(
        run("replay", &path, Some("on")),
        r#"AGENT_CASSETTE is "on": it must be replay, record or new"#
    );
    run("a", &path, Some("record"));
    assert_eq!(run("replay", &path, None), "a: hi , NotAsked");
    assert_eq!(run("replay", &path, Some("")), "a: hi , NotAsked");
    assert_eq!(run("replay", &path, Some("replay")), "a: hi , NotAsked");
    assert_eq!(run("replay", &path, Some("new")), "a: hi , Configuration");
}
