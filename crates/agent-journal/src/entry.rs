//! An entry: one thing a conversation was told, as it stands in the file.

use agent_core::{Conversation, Response, Role, Usage, conversation::Change, message::ToolCall, tool::Done};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// An entry of a journal.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// The conversation as it was when the journal first saw it, or after something was done to it that no other kind of
    /// entry says.
    Became(Box<Conversation>),
    /// A call began that may not be made twice. Without a later [`Change::Recorded`], nobody knows how it ended.
    Started(ToolCall),
    /// The conversation was told this.
    Change(Change),
}

#[derive(Serialize, Deserialize)]
struct Said<C> {
    role: Role,
    content: C,
}

#[derive(Serialize, Deserialize)]
struct Spent<A> {
    agent: A,
    usage: Usage,
}

#[derive(Serialize, Deserialize)]
struct Denied<R> {
    reason: R,
}

/// The columns of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) kind: String,
    pub(crate) call: Option<String>,
    pub(crate) body: String,
}

impl Entry {
    /// The call it is about.
    pub fn call(&self) -> Option<&str> {
        match self {
            Self::Started(call) => Some(&call.id),
            Self::Change(
                Change::Recorded { call, .. } | Change::Approved { call } | Change::Denied { call, .. },
            ) => Some(call),
            _ => None,
        }
    }

    /// The word for its kind: `became`, `started`, `said`, `answered`, `failed`, `spent`, `returned`, `taken_back`, `recorded`,
    /// `allowed`, `denied`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Became(_) => "became",
            Self::Started(_) => "started",
            Self::Change(Change::Said { .. }) => "said",
            Self::Change(Change::Answered(_)) => "answered",
            Self::Change(Change::Failed(_)) => "failed",
            Self::Change(Change::Spent { .. }) => "spent",
            Self::Change(Change::Returned) => "returned",
            Self::Change(Change::TakenBack) => "taken_back",
            Self::Change(Change::Recorded { .. }) => "recorded",
            Self::Change(Change::Approved { .. }) => "allowed",
            Self::Change(Change::Denied { .. }) => "denied",
            Self::Change(_) => unreachable!("the kinds of agent-core are all here"),
        }
    }

    pub(crate) fn write(&self) -> Written {
        let body = match self {
            Self::Became(conversation) => json(conversation),
            Self::Started(call) => json(call),
            Self::Change(Change::Said { role, content }) => json(&Said { role: *role, content }),
            Self::Change(Change::Answered(response)) => json(response),
            Self::Change(Change::Failed(failure)) => json(failure),
            Self::Change(Change::Spent { agent, usage }) => json(&Spent { agent, usage: *usage }),
            Self::Change(Change::Recorded { done, .. }) => json(done),
            Self::Change(Change::Denied { reason, .. }) => json(&Denied { reason }),
            Self::Change(_) => "{}".to_owned(),
        };
        Written { kind: self.kind().to_owned(), call: self.call().map(str::to_owned), body }
    }
}

impl Written {
    /// The entry; the error says what is wrong with it.
    pub(crate) fn read(&self) -> Result<Entry, String> {
        let call = || self.call.clone().ok_or_else(|| format!("{} names no call", self.kind));
        Ok(match self.kind.as_str() {
            "became" => Entry::Became(self.body()?),
            "started" => Entry::Started(self.body()?),
            "said" => {
                let Said { role, content } = self.body()?;
                Entry::Change(Change::Said { role, content })
            }
            "answered" => Entry::Change(Change::Answered(self.body::<Response>()?)),
            "failed" => Entry::Change(Change::Failed(self.body()?)),
            "spent" => {
                let Spent { agent, usage } = self.body()?;
                Entry::Change(Change::Spent { agent, usage })
            }
            "returned" => Entry::Change(Change::Returned),
            "taken_back" => Entry::Change(Change::TakenBack),
            "recorded" => Entry::Change(Change::Recorded { call: call()?, done: self.body::<Done>()? }),
            "allowed" => Entry::Change(Change::Approved { call: call()? }),
            "denied" => {
                let Denied { reason } = self.body()?;
                Entry::Change(Change::Denied { call: call()?, reason })
            }
            other => return Err(format!("there is no kind of entry named {other:?}")),
        })
    }

    fn body<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_str(&self.body).map_err(|error| format!("{} can't be read: {error}", self.kind))
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("what conversations are told can always be written")
}
