//! Two requests as one batch. `ANTHROPIC_API_KEY` must be set.

use agent_llm::{BatchOutcome, Claude, Message, Request};

async fn summarise(claude: Claude) -> anyhow::Result<()> {
    let batches = claude.batches();
    let summary = |text: &str| Request::new(vec![Message::user(format!("Summarise: {text}"))]);
    let requests = [("report-7", summary("It rained.")), ("report-8", summary("The sun shone."))];
    let batch = batches.create(requests).await?;
    println!("{}", batch.id);

    // Or in another process, with this id.
    batches.wait(&batch.id).await?;
    for result in batches.results(&batch.id).await? {
        let id = result.custom_id.unwrap_or_default();
        match result.outcome {
            BatchOutcome::Succeeded(reply) => {
                println!("{id}: {}", Message::assistant(reply.content).text());
            }
            BatchOutcome::Errored(error) => println!("{id} failed: {error}"),
            other => println!("{id}: {other:?}"),
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    summarise(Claude::from_env()?).await
}
