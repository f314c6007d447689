//! The file: what can be wrong with it, and who may write it.

use std::fs;

use agent_llm::{Cassette, CassetteError};

use super::{Pieces, ask, asking, place, read, record, says, texts};

/// The error of opening a cassette with this content to replay it, with `run.jsonl` for its path.
async fn check(content: &str, expected: &str) {
    let (_folder, path) = place();
    record(&path, [says("Hi.")], &["hi"]).await;
    let line = read(&path);
    fs::write(&path, content.replace("LINE", line.trim_end())).unwrap();
    let said = |result: Result<Cassette, CassetteError>| match result {
        Ok(_) => "fine".to_owned(),
        Err(error) => error.to_string().replace(&path.display().to_string(), "run.jsonl"),
    };
    assert_eq!(said(Cassette::replay(&path)), expected);
    assert_eq!(said(Cassette::record(&path, Pieces::new([]))), expected, "recorded");
}

#[tokio::test]
async fn a_line_that_is_no_recording_is_named() {
    let wrong = |line: usize, reason: &str| {
        format!(
            "line {line} of the cassette run.jsonl is no recording: {reason}; delete the line, and record what it had again"
        )
    };
    check("", "fine").await;
    check("LINE", "fine").await;
    check("\nLINE\n\nLINE\n", "fine").await;
    check("\u{feff}LINE\r\nLINE\r\n", "fine").await;
    check("LINE\n{\"version\":1,\"req", &wrong(2, "EOF while parsing a string at line 1 column 17")).await;
    check("<<<<<<< HEAD\nLINE\n", &wrong(1, "expected value at line 1 column 1")).await;
    check("{\"version\":9}\n", &wrong(1, "it has version 9, and this library reads version 1")).await;
    check(
        r#"{"version":1,"request":{},"reply":[{"txt":{"index":0,"pieces":[]}}]}"#,
        &wrong(1, "at /reply/0: unknown variant `txt`, expected one of `start`, `block`, `text`, `thinking`, `input`, `block_end`, `stop`, `delta`"),
    )
    .await;
    check(r#"{"version":1,"request":{},"replies":[]}"#, &wrong(1, "at /replies: unknown field `replies`, expected one of `version`, `take`, `request`, `reply`, `error`")).await;
}

#[tokio::test]
async fn without_a_file_there_is_nothing_to_replay() {
    let (_folder, path) = place();
    let error = Cassette::replay(&path).unwrap_err();
    assert!(matches!(error, CassetteError::Missing { .. }));
    let said = error.to_string().replace(&path.display().to_string(), "run.jsonl");
    insta::assert_snapshot!(said, @"there is no cassette run.jsonl: record it once, with a key. Set AGENT_CASSETTE=record if the program opens it with Cassette::from_env, otherwise use Cassette::record");
    assert!(!path.parent().unwrap().exists(), "nothing is made");
}

#[tokio::test]
async fn what_cant_be_written_is_known_before_a_model_is_asked() {
    let (folder, _) = place();
    fs::write(folder.path().join("file"), "").unwrap();
    let error = Cassette::record(folder.path().join("file").join("run.jsonl"), Pieces::new([])).unwrap_err();
    assert!(matches!(error, CassetteError::Read { .. } | CassetteError::Write { .. }), "{error}");
}

#[tokio::test]
async fn a_file_whose_last_line_has_no_end_is_gone_on_with() {
    let (_folder, path) = place();
    record(&path, [says("1")], &["hi"]).await;
    fs::write(&path, read(&path).trim_end()).unwrap();
    let cassette = Cassette::record_new(&path, Pieces::new([says("2")])).unwrap();
    ask(&cassette, asking("you")).await;
    assert_eq!(texts(&Cassette::replay(&path).unwrap(), &["you", "hi"]).await, ["2", "1"]);
}

#[tokio::test]
async fn a_recording_may_be_edited() {
    let (_folder, path) = place();
    record(&path, [says("1")], &["hi"]).await;
    fs::write(&path, read(&path).replace(r#""hi""#, r#""hello""#).replace(r#"["1"]"#, r#"["One",", two."]"#))
        .unwrap();
    assert_eq!(texts(&Cassette::replay(&path).unwrap(), &["hello"]).await, ["One, two."]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_tests_of_one_process_may_record_into_one_file() {
    let (_folder, path) = place();
    let tests = (0..4).map(|test| {
        let path = path.clone();
        tokio::spawn(async move {
            let long = "word ".repeat(20_000);
            let replies = (0..10).map(|turn| says(&format!("{test} {turn} {long}")));
            // Each begins a cassette of its own, while others may have recorded already.
            let cassette = Cassette::record(&path, Pieces::new(replies)).unwrap();
            for turn in 0..10 {
                ask(&cassette, asking(&format!("{test} {turn}"))).await;
                ask(&Cassette::record(&path, Pieces::new([says("same")])).unwrap(), asking("same")).await;
            }
        })
    });
    futures::future::join_all(tests).await.into_iter().for_each(|test| test.unwrap());
    let cassette = Cassette::replay(&path).unwrap();
    for (test, turn) in (0..4).flat_map(|test| (0..10).map(move |turn| (test, turn))) {
        let said = texts(&cassette, &[&format!("{test} {turn}"), "same"]).await;
        assert!(said[0].starts_with(&format!("{test} {turn} word")) && said[1] == "same");
    }
    assert_eq!(cassette.unused(), [0; 0]);
}
