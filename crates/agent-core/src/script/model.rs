//! The scripted model backend.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use futures::{StreamExt, stream, stream::BoxStream};

use super::Reply;
use crate::{Delta, Llm, LlmError, LlmErrorKind, Request, Role};

/// A model backend that gives scripted replies and records the requests. Clones share the script
/// and the recorded requests.
///
/// Its delays use tokio's clock, so a test on paused time does not wait.
///
/// ```
/// use agent_core::script::{Reply, Script};
/// use agent_core::Agent;
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let model = Script::new([Reply::text("Hello!")]);
/// let agent = Agent::builder("greeter", model.clone()).build()?;
/// let mut conversation = agent.start("Hi.");
/// let end = agent.run(&mut conversation).await?;
/// assert_eq!(end.text(), "Hello!");
/// assert_eq!(model.requests()[0].last_text(), "Hi.");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Script(Arc<Inner>);

struct Inner {
    plot: Scenario,
    played: Mutex<Played>,
}

type Author = dyn Fn(&Request) -> Reply + Send + Sync;

enum Scenario {
    InOrder(Vec<Reply>),
    ByAgent(BTreeMap<String, Vec<Reply>>),
    By(Box<Author>),
}

#[derive(Default)]
struct Played {
    requests: Vec<Request>,
    /// How many replies each conversation (or the whole script, if in order) has had.
    counts: HashMap<String, usize>,
}

impl Script {
    /// Makes a script that gives its replies in order, whichever agent asks. A request after the
    /// last reply fails. After a restart of the program, the script begins again.
    pub fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self::plot(Scenario::InOrder(replies.into_iter().collect()))
    }

    /// Makes a script with a list of replies for each agent. Each conversation of an agent gets
    /// that list from its first reply.
    ///
    /// The script counts in this process, by agent and by the conversation's id. So two things
    /// begin where you might not expect it. After a restart, the list begins again, although the
    /// conversation goes on: for programs that restart, use [`Script::by`] and look at
    /// `request.messages`. And conversations that have the same id, as all have without
    /// [`Conversation::with_id`](crate::Conversation::with_id), share one list.
    pub fn by_agent<N: Into<String>>(parts: impl IntoIterator<Item = (N, Vec<Reply>)>) -> Self {
        let parts = parts.into_iter().map(|(agent, replies)| (agent.into(), replies));
        Self::plot(Scenario::ByAgent(parts.collect()))
    }

    /// Makes a script whose replies are a function of the request. The script counts nothing, so it
    /// continues correctly after a restart. `request.messages.len()` tells how far the conversation
    /// is. These are the messages that the agent reads, without those that a history filter leaves
    /// out, such as calls that transferred the conversation.
    pub fn by(reply: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::plot(Scenario::By(Box::new(reply)))
    }

    /// Returns the requests that this model got so far, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.played().requests.clone()
    }

    fn plot(plot: Scenario) -> Self {
        Self(Arc::new(Inner { plot, played: Mutex::default() }))
    }

    fn played(&self) -> MutexGuard<'_, Played> {
        self.0.played.lock().expect("nothing that holds this lock can panic")
    }

    fn next(&self, request: &Request) -> Result<Reply, LlmError> {
        let mut played = self.played();
        played.requests.push(request.clone());
        let (part, key, replies) = match &self.0.plot {
            Scenario::By(reply) => {
                drop(played);
                return Ok(reply(request));
            }
            Scenario::InOrder(replies) => ("the script".to_owned(), String::new(), replies),
            Scenario::ByAgent(parts) => {
                let replies = parts.get(&*request.agent).ok_or_else(|| {
                    let known: Vec<&str> = parts.keys().map(String::as_str).collect();
                    let known = known.join(", ");
                    ran_out(format!("the script has no agent {:?}; it has: {known}", request.agent))
                })?;
                let key = format!("{} in {}", request.agent, request.conversation);
                (format!("the script of {:?}", request.agent), key, replies)
            }
        };
        let count = played.counts.entry(key).or_default();
        let reply = replies.get(*count).cloned().ok_or_else(|| {
            let (had, asked, who) = (replies.len(), *count + 1, &request.conversation);
            ran_out(format!("{part} ran out: it has {had} replies, and {who:?} asked for number {asked}"))
        })?;
        *count += 1;
        Ok(reply)
    }
}

fn ran_out(message: String) -> LlmError {
    LlmError::new(LlmErrorKind::Other, message)
}

impl Llm for Script {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let turn = request.messages.iter().filter(|message| message.role() == Role::Assistant).count();
        let pieces = stream::once(async move {
            match self.next(&request) {
                Ok(Reply { error: Some(error), latency, .. }) => vec![(latency, Err(error))],
                Ok(reply) => {
                    reply.deltas(turn).into_iter().map(|(pause, delta)| (pause, Ok(delta))).collect()
                }
                Err(error) => vec![(Duration::ZERO, Err(error))],
            }
        });
        let paced = pieces.flat_map(stream::iter).then(|(pause, piece)| async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            piece
        });
        paced.boxed()
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("requests", &self.played().requests.len()).finish()
    }
}
