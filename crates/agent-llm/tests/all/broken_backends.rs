//! Backends that are broken on purpose: each case of the conformance kit fails for one of them.

use std::{
    collections::BTreeSet,
    future::Future,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use agent_core::{
    Block, BoxStream, Delta, Llm, LlmError, Request, StopReason,
    model::{LlmErrorKind, Piece},
};
use agent_llm::Claude;
use agent_mock::conformance::{Conformance, cases};
use futures::{FutureExt, StreamExt, stream};
use tokio::task::JoinHandle;

use crate::common::settings;

type Item = Result<Delta, LlmError>;

/// What is wrong with a backend around Claude.
#[derive(Clone, Copy)]
enum Fault {
    /// It waits for the whole reply, and changes it.
    Reply(fn(Vec<Item>) -> Vec<Item>),
    /// It changes the request.
    Request(fn(Request) -> Request),
    /// It asks as soon as it can, and goes on if nobody reads the reply.
    Eager,
    /// It asks again after each error, and does not say so.
    AsksAgain,
    /// It gives every request the reply to the first one.
    OneReply,
}

struct Broken {
    claude: Claude,
    fault: Fault,
    first: Mutex<Option<Vec<Item>>>,
}

impl Llm for Broken {
    fn stream(&self, request: Request) -> BoxStream<'_, Item> {
        match self.fault {
            Fault::Request(change) => self.claude.stream(change(request)),
            Fault::Reply(change) => items(async move { change(all(&self.claude, request).await) }),
            Fault::Eager => {
                let claude = self.claude.clone();
                let asked: JoinHandle<Vec<Item>> = tokio::spawn(async move { all(&claude, request).await });
                items(async move { asked.await.unwrap() })
            }
            Fault::AsksAgain => items(async move {
                let mut items = all(&self.claude, request.clone()).await;
                while items.pop_if(|last| last.is_err()).is_some() {
                    items.extend(all(&self.claude, request.clone()).await);
                }
                items
            }),
            Fault::OneReply => items(async move {
                let items = all(&self.claude, request).await;
                let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(items).clone()
            }),
        }
    }
}

async fn all(claude: &Claude, request: Request) -> Vec<Item> {
    claude.stream(request).collect().await
}

fn items<'a>(items: impl Future<Output = Vec<Item>> + Send + 'a) -> BoxStream<'a, Item> {
    items.map(stream::iter).flatten_stream().boxed()
}

/// Changes each delta of a reply.
fn each(items: Vec<Item>, change: impl Fn(Delta) -> Option<Delta>) -> Vec<Item> {
    items.into_iter().filter_map(|item| item.map(&change).transpose()).collect()
}

/// Changes each error.
fn errors(items: Vec<Item>, change: impl Fn(LlmError) -> Item) -> Vec<Item> {
    items.into_iter().map(|item| item.or_else(&change)).collect()
}

/// Changes the reason why a reply ended.
fn stops(items: Vec<Item>, change: impl Fn(StopReason) -> StopReason) -> Vec<Item> {
    each(items, |delta| match delta {
        Delta::Stop { stop_reason, stop_details, usage, extra } => {
            Some(Delta::Stop { stop_reason: change(stop_reason), stop_details, usage, extra })
        }
        delta => Some(delta),
    })
}

fn is_call(block: &Block) -> bool {
    block.as_tool_use().is_some()
}

fn says_nothing(items: Vec<Item>) -> Vec<Item> {
    let is_content = |delta: &Delta| matches!(delta, Delta::Piece { .. } | Delta::Complete(_));
    each(items, |delta| (!is_content(&delta)).then_some(delta))
}

fn says_it_backwards(mut items: Vec<Item>) -> Vec<Item> {
    let is_piece = |item: &Item| matches!(item, Ok(Delta::Piece { .. }));
    let places: Vec<usize> = (0..items.len()).filter(|place| is_piece(&items[*place])).collect();
    items.swap(places[0], places[places.len() - 1]);
    items
}

fn knows_only_ascii(items: Vec<Item>) -> Vec<Item> {
    each(items, |delta| match delta {
        Delta::Piece { index, piece: Piece::Text(text) } => {
            Some(Delta::words(index, text.replace(|char: char| !char.is_ascii(), "?")))
        }
        delta => Some(delta),
    })
}

fn counts_nothing(items: Vec<Item>) -> Vec<Item> {
    each(items, |delta| match delta {
        Delta::Start { .. } => None,
        Delta::Stop { stop_reason, .. } => Some(Delta::stop(stop_reason)),
        delta => Some(delta),
    })
}

fn has_one_index(items: Vec<Item>) -> Vec<Item> {
    each(items, |delta| match delta {
        Delta::Block { block, .. } => Some(Delta::Block { index: 0, block }),
        Delta::Piece { piece, .. } => Some(Delta::Piece { index: 0, piece }),
        Delta::BlockEnd { .. } => None,
        delta => Some(delta),
    })
}

fn ends_all_blocks_last(items: Vec<Item>) -> Vec<Item> {
    let is_end = |item: &Item| matches!(item, Ok(Delta::BlockEnd { .. }));
    let (ends, mut others): (Vec<Item>, Vec<Item>) = items.into_iter().partition(is_end);
    let stop = others.pop();
    others.into_iter().chain(ends).chain(stop).collect()
}

fn loses_a_fragment(mut items: Vec<Item>) -> Vec<Item> {
    let is_input = |item: &Item| matches!(item, Ok(Delta::Piece { piece: Piece::Input(_), .. }));
    let last = items.iter().rposition(is_input).unwrap();
    items.drain(last..=last);
    items
}

fn makes_no_calls(items: Vec<Item>) -> Vec<Item> {
    each(items, |delta| match delta {
        Delta::Block { block, .. } if is_call(&block) => None,
        Delta::Piece { piece: Piece::Input(_), .. } | Delta::BlockEnd { .. } => None,
        delta => Some(delta),
    })
}

fn changes_names(items: Vec<Item>) -> Vec<Item> {
    each(items, |delta| match delta {
        Delta::Block { index, block } => Some(match block.as_tool_use() {
            Some(call) => Delta::call(index, &*call.id, call.name.to_lowercase(), call.input.clone()),
            None => Delta::Block { index, block },
        }),
        delta => Some(delta),
    })
}

fn takes_errors_as_the_end(items: Vec<Item>) -> Vec<Item> {
    errors(items, |_| Ok(Delta::stop(StopReason::EndTurn)))
}

fn loses_what_errors_are(items: Vec<Item>) -> Vec<Item> {
    errors(items, |error| Err(LlmError::new(LlmErrorKind::Other, error.to_string())))
}

fn would_retry_everything(items: Vec<Item>) -> Vec<Item> {
    errors(items, |mut error| {
        error.should_retry = Some(true);
        Err(error)
    })
}

fn does_not_say_when(items: Vec<Item>) -> Vec<Item> {
    errors(items, |mut error| {
        error.retry_after = None;
        Err(error)
    })
}

fn goes_on_after_errors(items: Vec<Item>) -> Vec<Item> {
    let stop = items.last().is_some_and(Result::is_err).then(|| Ok(Delta::stop(StopReason::EndTurn)));
    items.into_iter().chain(stop).collect()
}

fn forgets_the_system_prompt(mut request: Request) -> Request {
    request.system = Vec::new();
    request
}

fn sends_the_last_message(mut request: Request) -> Request {
    let before = request.messages.len() - 1;
    request.messages.drain(..before);
    request
}

/// What is wrong, and the cases that must find it.
fn table() -> Vec<(&'static str, Fault, Vec<&'static str>)> {
    use Fault::*;
    let cut = |items| stops(items, |_| StopReason::MaxTokens);
    let whole = |items| stops(items, |_| StopReason::EndTurn);
    let for_good = ["status 400", "status 401", "status 403", "status 404", "status 413"];
    let passing =
        ["status 500", "status 503", "status 529", "status 502 with HTML", "HTML in the place of a reply"];
    let broken = [
        "connection closed at once",
        "connection closed in the text",
        "end without an end marker",
        "empty answer",
        "error event",
        "error event before any word",
        "event that is not JSON",
    ];
    let in_a_call = ["connection closed in a call", "stream ended in a call", "error event in a call"];
    vec![
        ("says nothing", Reply(says_nothing), vec!["text", "unknown tool", "run with parallel calls"]),
        ("says nothing in one piece", Reply(says_nothing), vec!["one piece"]),
        ("mixes up pieces", Reply(says_it_backwards), vec!["many pieces", "odd input", "one id twice"]),
        ("knows only ASCII", Reply(knows_only_ascii), vec!["byte by byte"]),
        ("counts nothing", Reply(counts_nothing), vec!["usage", "usage with a cache"]),
        ("waits for the whole reply", Reply(|items| items), vec!["streamed"]),
        (
            "has one index",
            Reply(has_one_index),
            vec!["two parallel calls", "text before calls", "broken input"],
        ),
        ("has two open blocks", Reply(ends_all_blocks_last), vec!["two parallel calls"]),
        ("loses a fragment", Reply(loses_a_fragment), vec!["one call", "three parallel calls in fragments"]),
        (
            "makes no calls",
            Reply(makes_no_calls),
            vec!["empty input", "odd ids", "blank ids", "long ids", "failed calls and pictures"],
        ),
        ("changes names", Reply(changes_names), vec!["odd tool name"]),
        (
            "takes each reply as cut",
            Reply(cut),
            vec!["stop: end of turn", "stop: stop sequence", "empty reply"],
        ),
        (
            "takes each reply as whole",
            Reply(whole),
            vec![
                "stop: max_tokens",
                "stop: refusal",
                "call cut by max_tokens",
                "half call cut by max_tokens",
            ],
        ),
        (
            "takes errors as the end",
            Reply(takes_errors_as_the_end),
            [&for_good[..], &passing, &broken, &in_a_call].concat(),
        ),
        (
            "loses what errors are",
            Reply(loses_what_errors_are),
            [&for_good[..], &passing, &broken, &in_a_call].concat(),
        ),
        (
            "would retry everything",
            Reply(would_retry_everything),
            [&for_good[..], &["prompt too long"]].concat(),
        ),
        ("does not say when", Reply(does_not_say_when), vec!["status 429 with retry-after"]),
        ("goes on after errors", Reply(goes_on_after_errors), vec!["status 401", "status 500"]),
        (
            "asks again in silence",
            AsksAgain,
            [&for_good[..], &["connection closed in the text", "error event"]].concat(),
        ),
        ("forgets the system prompt", Request(forgets_the_system_prompt), vec!["whole request"]),
        (
            "sends the last message",
            Request(sends_the_last_message),
            vec!["long history", "failed call", "picture in a result", "history of another model"],
        ),
        ("asks too early and too long", Eager, vec!["asked when read", "cancel"]),
        ("has one reply for all", OneReply, vec!["ten requests in parallel"]),
    ]
}

/// The cases of these that a backend with this fault fails.
async fn failed(fault: Fault, expected: &[&str]) -> (BTreeSet<String>, String) {
    // In these cases the backend hangs until the limit.
    let hangs = expected.iter().any(|case| ["streamed", "cancel"].contains(case));
    let limit = Duration::from_secs(if hangs { 1 } else { 60 });
    let streaming = !expected.contains(&"one piece");
    let kit = Conformance::http(move |url| {
        let claude = settings(url).streaming(streaming).build().unwrap();
        Broken { claude, fault, first: Mutex::default() }
    });
    let kit = expected.iter().fold(kit.time_limit(limit), |kit, case| kit.only(*case));
    let report = kit.run().await;
    (report.failed().map(str::to_owned).collect(), report.to_string())
}

#[tokio::test]
async fn each_case_of_the_kit_finds_a_broken_backend() {
    let mut found = BTreeSet::new();
    for (what, fault, expected) in table() {
        let (failed, report) = failed(fault, &expected).await;
        let expected: BTreeSet<String> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(failed, expected, "a backend that {what}:\n{report}");
        found.extend(failed);
    }
    let all: BTreeSet<String> = cases().iter().map(|case| case.name().to_owned()).collect();
    assert_eq!(found, all, "each case has found one");
}
