//! Hostile models: what they can make a run read, do and keep is limited, and can all be read back.

mod endless;
mod limits;
mod linear;
mod replies;
mod showing;
mod written;

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use agent_core::{
    Agent, BoxStream, Conversation, Delta, Event, EventKind, Llm, LlmError, Message, Request, StopReason,
    Team, event::EventLog, model::Piece, tool::Early,
};
use agent_timeline::Timeline;
use futures::{StreamExt, stream};

use crate::common::{Act, Log, ms};

const KB: usize = 1024;
const MB: usize = 1024 * KB;

/// The width of a line of the log.
const LINE: usize = 200;

type Says = dyn Fn(&Request) -> Box<dyn Iterator<Item = Delta> + Send> + Send + Sync;

/// A model whose reply is a function of the request, one piece every millisecond, possibly without
/// end. Clones count together.
#[derive(Clone)]
struct Hostile {
    says: Arc<Says>,
    requests: Arc<AtomicUsize>,
    pieces: Arc<AtomicUsize>,
    /// The most bytes of the messages of a request.
    sent: Arc<AtomicUsize>,
}

impl Hostile {
    fn new<I: Iterator<Item = Delta> + Send + 'static>(
        says: impl Fn(&Request) -> I + Send + Sync + 'static,
    ) -> Self {
        let says: Arc<Says> = Arc::new(move |request: &Request| Box::new(says(request)) as _);
        let (requests, pieces, sent) = Default::default();
        Self { says, requests, pieces, sent }
    }
}

impl Llm for Hostile {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.sent.fetch_max(request.messages.iter().map(Message::json_bytes).sum(), Ordering::Relaxed);
        assert_takes(&request.messages);
        let each = async |delta| {
            self.pieces.fetch_add(1, Ordering::Relaxed);
            // Meanwhile running calls go on.
            tokio::time::sleep(ms(1)).await;
            Ok(delta)
        };
        stream::iter((self.says)(&request)).then(each).boxed()
    }
}

/// Checks what the API requires of calls: valid names and ids, each id once, and its result in the
/// next message.
#[track_caller]
fn assert_takes(messages: &[Message]) {
    let is_word = |text: &str| {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        !text.is_empty() && text.bytes().all(word)
    };
    let mut ids = HashSet::new();
    for (place, message) in messages.iter().enumerate() {
        let calls: Vec<&str> = message.tool_calls().map(|call| &*call.id).collect();
        let next = messages.get(place + 1).map(|next| next.tool_results().map(|(id, ..)| id).collect());
        assert!(calls.is_empty() || next == Some(calls.clone()), "{calls:?} have the results {next:?}");
        assert!(calls.iter().all(|id| is_word(id) && ids.insert(*id)), "{calls:?}");
        let is_fine = |name: &str| is_word(name) && name.len() <= 128;
        assert!(message.tool_calls().all(|call| is_fine(&call.name) && call.input.text().starts_with('{')));
    }
}

/// How many pieces were read and calls made in a run.
#[derive(Debug, PartialEq)]
struct Counts {
    requests: usize,
    /// How many pieces of the model were read.
    pieces: usize,
    /// How many calls of tools began.
    calls: usize,
}

/// The largest sizes of what is recorded, emitted and sent, in bytes.
struct Bytes {
    /// The record, as JSON.
    record: usize,
    /// All events except the pieces of replies, as JSON.
    events: usize,
    /// The messages of a request.
    sent: usize,
}

/// The same limit for all three.
fn within(bytes: usize) -> Bytes {
    Bytes { record: bytes, events: bytes, sent: bytes }
}

/// Runs an agent with this model and the default limits. It may delegate to itself, and its calls
/// start as early as possible. Checks how the end begins, what was counted, and the sizes.
async fn check(model: Hostile, end: &str, counts: Counts, bytes: Bytes) -> Conversation {
    let (log, told) = (Log::default(), Arc::<AtomicUsize>::default());
    let agent = Agent::builder("main", model.clone()).early(Early::All).tool(Act::new("act", &log));
    let team = Team::new([agent.build().unwrap()]).unwrap();
    let mut conversation = Conversation::start("main", "Go.");
    let lines = EventLog::new(LINE);
    let (tell, events) = (told.clone(), Arc::new(Mutex::new(Vec::<Event>::new())));
    let kept = events.clone();
    let listen = move |event: &Event| {
        let line = lines.line(event).unwrap_or_default();
        assert_shown(&line);
        assert!(!line.contains('\n') && line.len() <= 20 * LINE, "{line}");
        if !matches!(event.kind, EventKind::Delta(_)) {
            tell.fetch_add(serde_json::to_string(event).unwrap().len(), Ordering::Relaxed);
            kept.lock().unwrap().push(event.clone());
        }
    };
    let ended = match team.run(&mut conversation).listen(listen).await {
        Ok(end) => format!("{end:?}"),
        Err(error) => error.to_string(),
    };
    let begin: String = ended.chars().take(500).collect();
    assert!(ended.starts_with(end), "{begin}");
    assert_eq!(log.open(), 0, "nothing goes on");
    let calls = log.begun().values().sum();
    let counted = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    assert_eq!(Counts { requests: counted(&model.requests), pieces: counted(&model.pieces), calls }, counts);
    let written = serde_json::to_string(&conversation).unwrap();
    let all = [written.len(), counted(&told), counted(&model.sent)];
    let most = [bytes.record, bytes.events, bytes.sent];
    assert!(all.iter().zip(most).all(|(bytes, most)| *bytes <= most), "{all:?} of {most:?}");
    assert_eq!(serde_json::from_str::<Conversation>(&written).unwrap(), conversation);
    assert_shown(&conversation.to_string());
    assert_shown(&Timeline::new(events.lock().unwrap().iter()).to_text(80));
    conversation
}

/// Checks that all characters of a text are visible, and that none controls the terminal.
#[track_caller]
fn assert_shown(text: &str) {
    let odd = |character: &char| {
        let is_hidden = matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{feff}');
        (character.is_control() && *character != '\n') || is_hidden
    };
    assert_eq!(text.chars().find(odd), None);
}

/// The end of a run whose model says "Done.".
const DONE: &str = r#"Answered("Done.")"#;

/// A model that says this in its first reply, whose calls are made, and then "Done.".
fn once(says: impl Fn() -> Vec<Delta> + Send + Sync + 'static) -> Hostile {
    let done = || vec![Delta::words(0, "Done."), Delta::stop(StopReason::EndTurn)];
    Hostile::new(move |request: &Request| match request.turns {
        0 => says().into_iter().chain([Delta::stop(StopReason::ToolUse)]).collect::<Vec<_>>().into_iter(),
        _ => done().into_iter(),
    })
}

/// The number of pieces of the first reply of `once` and of its last one together.
fn pieces(said: usize) -> usize {
    said + 1 + 2
}

fn input(index: usize, text: impl Into<String>) -> Delta {
    Delta::Piece { index, piece: Piece::Input(text.into()) }
}
