//! Replies that are recorded once and replayed without a model.

mod agents;
mod answers;
mod files;
mod misses;
mod processes;
mod replies;
mod secrets;

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::Mutex,
};

use agent_llm::{BoxStream, Cassette, Delta, Llm, LlmError, Message, Request};
use futures::{StreamExt, stream};
use tempfile::TempDir;

/// What a backend yields, or a caller gets.
type Yielded = Vec<Result<Delta, LlmError>>;

/// A backend that yields these pieces, one list a request.
struct Pieces(Mutex<VecDeque<Yielded>>);

impl Pieces {
    fn new(replies: impl IntoIterator<Item = Yielded>) -> Self {
        Self(Mutex::new(replies.into_iter().collect()))
    }
}

impl Llm for Pieces {
    fn stream(&self, _: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let pieces = self.0.lock().unwrap().pop_front().expect("no request more than the test has");
        stream::iter(pieces).boxed()
    }
}

/// A folder and the path of a cassette in it.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recorded").join("run.jsonl");
    (folder, path)
}

fn asking(text: &str) -> Request {
    Request::new(vec![Message::user(text)])
}

async fn ask(llm: &impl Llm, request: Request) -> Yielded {
    llm.stream(request).collect().await
}

/// Asks all of these questions, and gives the text of each reply or its error.
async fn texts(llm: &impl Llm, questions: &[&str]) -> Vec<String> {
    let mut texts = Vec::new();
    for question in questions {
        let reply = agent_llm::fold(llm.stream(asking(question)), |_| {}).await;
        texts.push(reply.map_or_else(
            |error| format!("{:?}", error.kind),
            |reply| Message::assistant(reply.content).text(),
        ));
    }
    texts
}

/// Records the replies to these questions.
async fn record(path: &Path, replies: impl IntoIterator<Item = Yielded>, questions: &[&str]) -> Vec<Yielded> {
    let cassette = Cassette::record(path, Pieces::new(replies)).unwrap();
    let mut heard = Vec::new();
    for question in questions {
        heard.push(ask(&cassette, asking(question)).await);
    }
    heard
}

/// A reply of this text.
fn says(text: &str) -> Yielded {
    vec![Ok(Delta::words(0, text)), Ok(Delta::stop(agent_llm::StopReason::EndTurn))]
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}
