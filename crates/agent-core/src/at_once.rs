//! All the work of a turn at once, for hosts that may join any futures.

use std::{collections::VecDeque, future::Future};

use futures::{FutureExt, StreamExt, future::Either, stream::FuturesUnordered};

use crate::{
    Call, Done, End, Failure, ToolTurn, Work,
    lent::{Home, Lent, summary},
};

/// Does the work of a turn, `at_most` pieces at a time (`usize::MAX`: all at once), and records each
/// as it ends. `call` makes a tool call; `converse` drives a delegated conversation, whose failure is
/// its call's error result.
///
/// When the future is dropped, what has ended by then is recorded, and each delegated conversation
/// is kept as far as it has come.
pub async fn at_once<C, F, D, G, E>(turn: ToolTurn<'_>, at_most: usize, call: C, converse: D) -> Result<(), E>
where
    C: Fn(Call) -> F,
    F: Future<Output = Result<Done, E>>,
    D: Fn(Lent) -> G,
    G: Future<Output = Result<Result<End, Failure>, E>>,
{
    let mut queue: VecDeque<Work> = turn.work().iter().cloned().collect();
    let mut desk = Desk { turn, pending: FuturesUnordered::new(), home: Home::default() };
    loop {
        while desk.pending.len() < at_most {
            let Some(work) = queue.pop_front() else { break };
            let id = work.id().to_owned();
            desk.pending.push(match work {
                Work::Call(work) => Either::Left(call(work).map(|done| (id, done.map(Ended::Call)))),
                Work::Delegate(work) => {
                    let lent = Lent::new(work, &desk.home);
                    Either::Right(converse(lent).map(|end| (id, end.map(Ended::Conversation))))
                }
            });
        }
        let Some((id, ended)) = desk.pending.next().await else { return Ok(()) };
        if let Some(more) = desk.record(&id, ended?) {
            // What a call turned into comes before the next call, if they go one by one.
            queue.push_front(more);
        }
    }
}

/// How a piece of work ended.
enum Ended {
    Call(Done),
    Conversation(Result<End, Failure>),
}

/// The work of a turn that is under way. Dropping it loses nothing that has ended.
struct Desk<'t, F, E>
where
    F: Future<Output = (String, Result<Ended, E>)>,
{
    turn: ToolTurn<'t>,
    pending: FuturesUnordered<F>,
    home: Home,
}

impl<F, E> Desk<'_, F, E>
where
    F: Future<Output = (String, Result<Ended, E>)>,
{
    fn record(&mut self, id: &str, ended: Ended) -> Option<Work> {
        match ended {
            Ended::Call(done) => self.turn.record(id, done),
            Ended::Conversation(end) => {
                let child = self.home.take(id).expect("a conversation that has ended was given back");
                match summary(end, &child) {
                    Some(done) => self.turn.record(id, done),
                    // It waits for a person, and is kept until then.
                    None => {
                        self.turn.keep(id, child);
                        None
                    }
                }
            }
        }
    }
}

impl<F, E> Drop for Desk<'_, F, E>
where
    F: Future<Output = (String, Result<Ended, E>)>,
{
    fn drop(&mut self) {
        if !std::thread::panicking() {
            while let Some(Some((id, ended))) = self.pending.next().now_or_never() {
                if let Ok(ended) = ended {
                    self.record(&id, ended);
                }
            }
        }
        self.pending.clear();
        for (id, child) in self.home.take_all() {
            self.turn.keep(&id, child);
        }
    }
}
