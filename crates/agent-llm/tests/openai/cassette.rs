//! Runs that are recorded with each API, streamed and not, and replayed without a server.

use agent_core::{Agent, Llm};
use agent_llm::Cassette;

use crate::{
    common::{KEY, WAYS, server},
    runs::Act,
};

async fn run(llm: impl Llm + 'static) -> (String, agent_llm::Usage) {
    let agent = Agent::builder("main", llm).tool(Act::new().0).build().unwrap();
    let mut conversation = agent.start("Go.");
    agent.run(&mut conversation).await.unwrap();
    (conversation.to_string(), conversation.usage())
}

#[tokio::test]
async fn a_run_with_openai_is_replayed_without_a_server_and_without_a_key() {
    for way in WAYS {
        let calls = [("a", "act", r#"{"say":"1"}"#), ("b", "act", r#"{"say": "#), ("c", "nope", "{}")];
        let server = server([way.reply("Let me see.", &calls), way.reply("Done.", &[])]).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.jsonl");
        let openai = way.settings(server.uri()).build().unwrap();
        let recorded = run(Cassette::record(&path, openai).unwrap()).await;
        drop(server);
        let cassette = Cassette::replay(&path).unwrap();
        assert_eq!(run(cassette.clone()).await, recorded, "{way:?}");
        assert_eq!(cassette.unused(), [0; 0], "{way:?}");
        assert!(!std::fs::read_to_string(&path).unwrap().contains(KEY), "{way:?}");
    }
}
