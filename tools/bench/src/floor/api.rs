//! What the plain loop must know of an API.

use schemars::Schema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Done, work::Input};

/// An API, as the plain loop speaks it.
pub(super) trait Api {
    /// The headers that it wants.
    const HEADERS: &'static [(&'static str, &'static str)];

    /// What a history is made of.
    type Item: Serialize + Send + Sync;

    /// A reply, as far as the loop reads it.
    type Reply: DeserializeOwned + Default + Send;

    /// An event of a streamed reply.
    type Event: DeserializeOwned;

    /// The list of tools, with the only one.
    fn tools(schema: Schema) -> Value;

    /// A history that begins with these words of the user.
    fn begin(words: &str) -> Vec<Self::Item>;

    /// The body of a request.
    fn body<'a>(streamed: bool, tools: &'a Value, history: &'a [Self::Item]) -> impl Serialize + 'a;

    /// Takes an event into the reply.
    fn take_in(event: Self::Event, reply: &mut Self::Reply) -> Done;

    /// Whether the reply has an end.
    fn is_whole(reply: &Self::Reply) -> bool;

    /// The calls of a reply: their ids, and their inputs.
    fn calls(reply: &Self::Reply) -> Vec<(String, serde_json::Result<Input>)>;

    /// The words of a reply.
    fn words(reply: Self::Reply) -> String;

    /// Puts a reply at the end of the history, and what its calls led to.
    fn record(history: &mut Vec<Self::Item>, reply: Self::Reply, results: Vec<(String, String)>);
}
