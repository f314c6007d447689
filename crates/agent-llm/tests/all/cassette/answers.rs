//! A replay makes the requests for typed answers as they were recorded.

use agent_llm::{BoxStream, Cassette, Delta, Json, Llm, LlmError, Request, ToolSpec};
use serde_json::{Value, json};

use super::{Pieces, ask, asking, place, says};

/// A backend whose API holds answers to any schema.
struct WithSchema(Pieces);

impl Llm for WithSchema {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        self.0.stream(request)
    }

    fn supports_answer_schema(&self, _: &Json) -> bool {
        true
    }
}

fn schema(field: &str) -> Json {
    let schema: Value = json!({"type": "object", "properties": {field: {"type": "string"}}});
    schema.into()
}

#[tokio::test]
async fn a_replay_supports_what_the_recorded_backend_supported() {
    let (_folder, path) = place();
    let backend = WithSchema(Pieces::new([says("{}"), says("{}")]));
    let cassette = Cassette::record(&path, backend).unwrap();
    assert!(cassette.supports_answer_schema(&schema("city")));
    let (mut by_format, mut by_tool) = (asking("Where?"), asking("When?"));
    by_format.answer_schema = Some(schema("city"));
    by_tool.tools = [ToolSpec::new("final_answer", "", schema("day"))].into();
    ask(&cassette, by_format.clone()).await;
    ask(&cassette, by_tool).await;

    let replay = Cassette::replay(&path).unwrap();
    assert!(replay.supports_answer_schema(&schema("city")));
    assert!(!replay.supports_answer_schema(&schema("day")));
    assert!(!replay.supports_answer_schema(&schema("other")));
    // The schema is a part of what is asked.
    assert_eq!(ask(&replay, asking("Where?")).await.len(), 1);
    assert_eq!(ask(&replay, by_format).await, says("{}"));

    // Of what is not recorded, the backend knows.
    let new = Cassette::record_new(&path, WithSchema(Pieces::new([]))).unwrap();
    assert!(new.supports_answer_schema(&schema("other")));
    assert!(!new.supports_answer_schema(&schema("day")));
}
