//! Replies that are checked and shown in parts.

use std::sync::{Arc, Mutex};

use agent_core::{
    Block, End, StopReason,
    script::{Reply, Script},
};
use agent_guards::{Guards, Output, OutputVerdict, Windows};

use crate::common::{SECOND, call, results_read, run_main};

/// What was before each part, and the part.
type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// The guard, and a list of what it has seen.
fn guards() -> (Guards, Seen) {
    let seen = Seen::default();
    let list = seen.clone();
    let guards = Guards::new().windows(Windows::new(12).overlap(5)).output("words", move |output: Output| {
        list.lock().unwrap().push((output.before.clone(), output.text.clone()));
        async move {
            Ok(match output.before + &output.text {
                text if text.contains("bomb") => OutputVerdict::refuse("I can't say that."),
                _ if output.text.contains("Oslo") => {
                    OutputVerdict::replace(output.text.replace("Oslo", "[city]"))
                }
                _ => OutputVerdict::Allow,
            })
        }
    });
    (guards, seen)
}

#[tokio::test(start_paused = true)]
async fn text_is_shown_part_by_part_after_each_is_checked() {
    let (guards, seen) = guards();
    let model = Script::new([Reply::text("It rains. In Oslo it always rains. So.").per_token(SECOND)]);
    let ran = run_main(&guards, &model, "Go on.").await;
    assert_eq!(ran.end.text(), "It rains. In [city] it always rains. So.");
    assert_eq!(ran.shown, ["It rains. ", "In [city] it always ", "rains. So."]);
    let part = |before: &str, text: &str| (before.to_owned(), text.to_owned());
    let parts = [part("", "It rains. "), part("ins. ", "In Oslo it always "), part("ways ", "rains. So.")];
    assert_eq!(*seen.lock().unwrap(), parts);
    assert_eq!(ran.told, ["words replaced the reply's text"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_part_withdraws_what_was_shown() {
    let (guards, _) = guards();
    let reply = Reply::text("It is easy. You take a bo")
        .and_text("mb and so on.")
        .and_block(call("x").content[0].clone());
    let ran = run_main(&guards, &Script::new([reply]), "Go on.").await;
    assert!(matches!(ran.end, End::Refused(_)));
    insta::assert_snapshot!(ran.shown.concat(), @r#"
    It is easy. You take a bo
    [withdrawn: refused by the guard "words"; the reply starts again]
    I can't say that.
    "#);
    assert_eq!(ran.conversation.messages()[1].content(), [Block::text("I can't say that.")]);
}

#[tokio::test(start_paused = true)]
async fn calls_wait_until_all_text_is_checked() {
    let (guards, _) = guards();
    let model = Script::new([
        Reply::text("First this.")
            .and_block(call("x").content[0].clone())
            .and_text("In Oslo.")
            .and_text(" Then."),
        call("y").and_text("The bomb."),
    ]);
    let ran = run_main(&guards, &model, "Go on.").await;
    assert!(matches!(ran.end, End::Refused(_)));
    let texts: Vec<String> =
        ran.conversation.messages()[1].content().iter().map(|block| block.json().text().to_owned()).collect();
    insta::assert_snapshot!(texts.join("\n"), @r#"
    {"type":"text","text":"First this."}
    {"type":"tool_use","id":"call_0_1","name":"note","input":{"text":"x"}}
    {"type":"text","text":"In [city]. Then."}
    "#);
    assert_eq!(results_read(&model), ["noted x"]);
}

#[tokio::test(start_paused = true)]
async fn a_text_of_any_shape_comes_out_as_it_went_in() {
    for text in [
        "",
        "x",
        "one two three four five six",
        "a\nb\n\nc. d! e? f",
        "日本語のテキスト。とても長い文章です。はい。",
    ] {
        for size in 1..9 {
            let guards = Guards::new()
                .windows(Windows::new(size))
                .output("all", |_: Output| async { Ok(OutputVerdict::Allow) });
            let model = Script::new([Reply::text(text).stop(StopReason::EndTurn)]);
            assert_eq!(run_main(&guards, &model, "Go on.").await.end.text(), text, "{size}");
        }
    }
}
