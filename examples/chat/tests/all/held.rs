//! A model, and a tool, that go on when the test says so.

use std::{collections::VecDeque, sync::Arc};

use agent_core::{Agent, BoxStream, Context, Delta, Llm, LlmError, Request, model::Piece, script::Reply};
use agent_tools::FnTool;
use futures::{StreamExt, stream};
use tokio::sync::{Mutex, Notify, mpsc};

type Part = Result<Delta, LlmError>;

/// The model's side: it says what the test sends it.
struct Held(Mutex<mpsc::UnboundedReceiver<Part>>);

impl Llm for Held {
    fn stream(&self, _: Request) -> BoxStream<'_, Part> {
        let next = move |is_over: bool| async move {
            if is_over {
                return None;
            }
            let part = self.0.lock().await.recv().await?;
            let is_over = matches!(part, Ok(Delta::Stop { .. }) | Err(_));
            Some((part, is_over))
        };
        stream::unfold(false, next).boxed()
    }
}

/// The test's side.
pub(crate) struct Model {
    sender: mpsc::UnboundedSender<Part>,
    /// What is left of the reply that has begun.
    rest: VecDeque<Delta>,
    /// The tool "search" tells of its progress, and ends once this is notified.
    pub(crate) found: Arc<Notify>,
}

impl Model {
    pub(crate) fn agent() -> (Self, Agent) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let found = Arc::new(Notify::new());
        let search = |found: Arc<Notify>, _: (), context: Context| async move {
            context.progress("shelf 1 of 2");
            found.notified().await;
            "Two books."
        };
        let search = FnTool::with_state("search", "Searches.", found.clone(), search);
        let agent = Agent::builder("librarian", Held(receiver.into())).tool(search).build().unwrap();
        (Self { sender, rest: VecDeque::new(), found }, agent)
    }

    /// Begins a reply, and says it up to this word.
    pub(crate) fn say(&mut self, reply: &Reply, last: &str) {
        self.rest = reply.deltas(0).into_iter().map(|(_pause, delta)| delta).collect();
        self.go_on(last);
    }

    /// Goes on up to this word.
    pub(crate) fn go_on(&mut self, last: &str) {
        let is_last = |delta: &Delta| match delta {
            Delta::Piece { piece: Piece::Text(word), .. } => word.trim() == last,
            _ => false,
        };
        let place =
            self.rest.iter().position(is_last).unwrap_or_else(|| panic!("no {last:?} is left to say"));
        self.rest.drain(..=place).for_each(|delta| self.sender.send(Ok(delta)).unwrap());
    }

    /// Says the rest.
    pub(crate) fn end(&mut self) {
        self.rest.drain(..).for_each(|delta| self.sender.send(Ok(delta)).unwrap());
    }

    /// What was said of the reply does not count: another one is begun in its place.
    pub(crate) fn restart(&mut self) {
        self.rest.clear();
        self.sender.send(Ok(Delta::Restarted { reason: "the connection broke".to_owned() })).unwrap();
    }

    /// Says a whole reply.
    pub(crate) fn say_all(&mut self, reply: &Reply) {
        reply.deltas(0).into_iter().for_each(|(_pause, delta)| self.sender.send(Ok(delta)).unwrap());
    }

    pub(crate) fn fail(&self, error: LlmError) {
        self.sender.send(Err(error)).unwrap();
    }
}
