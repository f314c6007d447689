//! An entry: one thing a conversation was told, as it stands in the file.

use agent_core::{Conversation, Done, Response, Role, Told, ToolCall, Usage};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// An entry of a journal.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// The conversation as it was when the journal first saw it, or after something was done to it that no other kind of
    /// entry says.
    Became(Box<Conversation>),
    /// A call began that may not be made twice. Without a later [`Told::Recorded`], nobody knows how it ended.
    Started(ToolCall),
    /// The conversation was told this.
    Told(Told),
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
            Self::Told(Told::Recorded { call, .. } | Told::Allowed { call } | Told::Denied { call, .. }) => {
                Some(call)
            }
            _ => None,
        }
    }

    /// The word for its kind: `became`, `started`, `said`, `answered`, `failed`, `spent`, `returned`, `taken_back`, `recorded`,
    /// `allowed`, `denied`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Became(_) => "became",
            Self::Started(_) => "started",
            Self::Told(Told::Said { .. }) => "said",
            Self::Told(Told::Answered(_)) => "answered",
            Self::Told(Told::Failed(_)) => "failed",
            Self::Told(Told::Spent { .. }) => "spent",
            Self::Told(Told::Returned) => "returned",
            Self::Told(Told::TakenBack) => "taken_back",
            Self::Told(Told::Recorded { .. }) => "recorded",
            Self::Told(Told::Allowed { .. }) => "allowed",
            Self::Told(Told::Denied { .. }) => "denied",
            Self::Told(_) => unreachable!("the kinds of agent-core are all here"),
        }
    }

    pub(crate) fn write(&self) -> Written {
        let body = match self {
            Self::Became(conversation) => json(conversation),
            Self::Started(call) => json(call),
            Self::Told(Told::Said { role, content }) => json(&Said { role: *role, content }),
            Self::Told(Told::Answered(response)) => json(response),
            Self::Told(Told::Failed(failure)) => json(failure),
            Self::Told(Told::Spent { agent, usage }) => json(&Spent { agent, usage: *usage }),
            Self::Told(Told::Recorded { done, .. }) => json(done),
            Self::Told(Told::Denied { reason, .. }) => json(&Denied { reason }),
            Self::Told(_) => "{}".to_owned(),
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
                Entry::Told(Told::Said { role, content })
            }
            "answered" => Entry::Told(Told::Answered(self.body::<Response>()?)),
            "failed" => Entry::Told(Told::Failed(self.body()?)),
            "spent" => {
                let Spent { agent, usage } = self.body()?;
                Entry::Told(Told::Spent { agent, usage })
            }
            "returned" => Entry::Told(Told::Returned),
            "taken_back" => Entry::Told(Told::TakenBack),
            "recorded" => Entry::Told(Told::Recorded { call: call()?, done: self.body::<Done>()? }),
            "allowed" => Entry::Told(Told::Allowed { call: call()? }),
            "denied" => {
                let Denied { reason } = self.body()?;
                Entry::Told(Told::Denied { call: call()?, reason })
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
