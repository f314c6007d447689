//! What the model reads if calls fail.

use agent_core::{
    Agent, Block, Content, Context, Conversation, EventKind, Json, Outcome, Request, Team, Tool, ToolSpec,
    async_trait,
    message::BlockKind,
    script::{Reply, Script},
    tool::Done,
};
use insta::assert_snapshot;
use serde_json::json;

/// A tool whose calls all fail with this content.
struct Fails(ToolSpec, Content);

#[async_trait]
impl Tool for Fails {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, _: Json, _: Context) -> Outcome {
        Err::<Content, _>(self.1.clone()).into()
    }
}

fn picture() -> Block {
    Block::image("image/png", "iVBO")
}

/// The request after a call failed with these blocks, and the result in its event.
async fn read_of(blocks: Vec<Block>) -> (Request, String) {
    let spec = ToolSpec::new("look", "Looks.", json!({"type": "object"}));
    let model = Script::new([Reply::call("look", json!({})), Reply::text("Oh.")]);
    let agent = Agent::builder("main", model.clone()).tool(Fails(spec, blocks.into()));
    let team = Team::new([agent.build().unwrap()]).unwrap();
    let mut conversation = Conversation::start("main", "Go.");
    let (mut told, mut run) = (String::new(), team.run(&mut conversation));
    while let Some(event) = run.next().await {
        if let EventKind::CallEnded { is_error: true, result, .. } = event.kind {
            told = result.into();
        }
    }
    run.await.unwrap();
    (model.requests().swap_remove(1), told)
}

#[tokio::test]
async fn field_60_an_error_result_holds_text_and_pictures() {
    let check = async |blocks: Vec<Block>, sent: &str, told: &str| {
        let (request, heard) = read_of(blocks).await;
        assert_eq!(request.messages[2].content()[0].field("content").unwrap().text(), sent);
        assert_eq!(heard, told);
        let is_error = |block: &Block| matches!(block.kind(), BlockKind::ToolResult { is_error: true, .. });
        assert!(is_error(&request.messages[2].content()[0]));
    };
    let png = picture().json().text().to_owned();
    let words = r#"{"type":"text","text":"It burns:"}"#;
    check(vec![Block::text("It burns:"), picture()], &format!("[{words},{png}]"), "It burns:[image]").await;
    check(vec![picture()], &format!("[{png}]"), "[image]").await;
    // The API refuses an error without content.
    let silent = r#""the tool failed and said nothing""#;
    check(vec![], silent, "").await;
    check(vec![Block::text(" ")], silent, " ").await;
    check(vec![Block::tool_use("a", "b", json!({}))], silent, "[tool_use]").await;
}

#[tokio::test]
async fn field_60_the_words_of_an_error_are_bounded_and_its_picture_stays() {
    let (request, _) = read_of(vec![Block::text("x".repeat(500_000)), picture()]).await;
    let (_, content, _) = request.messages[2].tool_results().next().unwrap();
    let Content::Blocks(blocks) = content else { panic!("{content:?}") };
    assert!(
        blocks[0]
            .as_text()
            .unwrap()
            .ends_with("[cut: the result has 500000 bytes, and 400000 of them are shown]")
    );
    assert_eq!(blocks[1..], [picture()]);
}

#[test]
fn field_60_what_was_written_before_errors_had_blocks_is_read() {
    let check = |written: &str, outcome: Outcome| {
        let done: Done = serde_json::from_str(written).unwrap();
        assert_eq!(done.outcome, outcome);
        assert_eq!(serde_json::to_string(&done).unwrap(), written);
    };
    check(r#"{"outcome":{"Error":"no"},"usage":{}}"#, Outcome::error("no"));
    let blocks = r#"{"outcome":{"Error":[{"type":"text","text":"no"}]},"usage":{}}"#;
    check(blocks, Outcome::error(vec![Block::text("no")]));
}

#[test]
fn field_60_a_transcript_names_the_picture() {
    assert_snapshot!(Content::from(vec![Block::text("It burns: "), picture()]), @"It burns: [image]");
}
