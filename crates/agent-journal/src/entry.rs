//! An entry: one change of a conversation, as it is in the file.

use agent_core::{Conversation, Response, Role, Usage, conversation::Change, message::ToolCall, tool::Done};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// One entry of a journal. The entries of a session, applied in order, give its conversation.
/// [`Journal::entries`](crate::Journal::entries) lists them.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "most entries are changes, and few are held at a time")]
pub enum Entry {
    /// A complete conversation. This is the first entry of each session. It is also written after a
    /// change in memory that no other entry can express.
    Became(Box<Conversation>),
    /// A call started that must not be made twice. If no [`Change::Recorded`] follows, the outcome
    /// of the call is unknown.
    Started(ToolCall),
    /// A change of the conversation, such as a message of the user, a reply of a model, or the
    /// result of a call.
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Denied<R> {
    reason: R,
}

/// An entry as the columns of its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredEntry {
    pub(crate) kind: String,
    pub(crate) call: Option<String>,
    pub(crate) body: String,
}

impl Entry {
    /// The id of the call that the entry is about; `None` if it is not about a call.
    pub fn call(&self) -> Option<&str> {
        match self {
            Self::Started(call) => Some(&call.id),
            Self::Change(
                Change::Recorded { call, .. }
                | Change::Detached { call }
                | Change::Approved { call }
                | Change::Denied { call, .. },
            ) => Some(call),
            _ => None,
        }
    }

    /// The kind of the entry as one word, for lists and filters: `became`, `started`, `said`,
    /// `answered`, `failed`, `reserved`, `spent`, `returned`, `taken_back`, `recorded`, `detached`,
    /// `allowed`, `denied`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Became(_) => "became",
            Self::Started(_) => "started",
            Self::Change(Change::Said { .. }) => "said",
            Self::Change(Change::Answered(_)) => "answered",
            Self::Change(Change::Failed(_)) => "failed",
            Self::Change(Change::Reserved { .. }) => "reserved",
            Self::Change(Change::Spent { .. }) => "spent",
            Self::Change(Change::Returned) => "returned",
            Self::Change(Change::TakenBack) => "taken_back",
            Self::Change(Change::Recorded { .. }) => "recorded",
            Self::Change(Change::Detached { .. }) => "detached",
            Self::Change(Change::Approved { .. }) => "allowed",
            Self::Change(Change::Denied { .. }) => "denied",
            Self::Change(_) => unreachable!("this function handles every change of agent-core"),
        }
    }

    pub(crate) fn write(&self) -> StoredEntry {
        let body = match self {
            Self::Became(conversation) => json(conversation),
            Self::Started(call) => json(call),
            Self::Change(Change::Said { role, content }) => json(&Said { role: *role, content }),
            Self::Change(Change::Answered(response)) => json(response),
            Self::Change(Change::Failed(failure)) => json(failure),
            Self::Change(Change::Reserved { agent, usage, request }) => {
                json(&Spent { agent, usage: *usage, request: request.clone() })
            }
            Self::Change(Change::Spent { agent, usage }) => {
                json(&Spent { agent, usage: *usage, request: None })
            }
            Self::Change(Change::Recorded { done, .. }) => json(done),
            Self::Change(Change::Denied { reason, .. }) => json(&Denied { reason }),
            Self::Change(_) => "{}".to_owned(),
        };
        StoredEntry { kind: self.kind().to_owned(), call: self.call().map(str::to_owned), body }
    }
}

impl StoredEntry {
    /// Reads the entry. The error says what is wrong with it.
    pub(crate) fn read(&self) -> Result<Entry, String> {
        let call = || self.call.clone().ok_or_else(|| format!("{:?} does not name a call", self.kind));
        Ok(match self.kind.as_str() {
            "became" => Entry::Became(self.body()?),
            "started" => Entry::Started(self.body()?),
            "said" => {
                let Said { role, content } = self.body()?;
                Entry::Change(Change::Said { role, content })
            }
            "answered" => Entry::Change(Change::Answered(self.body::<Response>()?)),
            "failed" => Entry::Change(Change::Failed(self.body()?)),
            "reserved" => {
                let Spent { agent, usage, request } = self.body()?;
                Entry::Change(Change::Reserved { agent, usage, request })
            }
            "spent" => {
                let Spent { agent, usage, .. } = self.body()?;
                Entry::Change(Change::Spent { agent, usage })
            }
            "returned" => Entry::Change(Change::Returned),
            "taken_back" => Entry::Change(Change::TakenBack),
            "recorded" => Entry::Change(Change::Recorded { call: call()?, done: self.body::<Done>()? }),
            "detached" => Entry::Change(Change::Detached { call: call()? }),
            "allowed" => Entry::Change(Change::Approved { call: call()? }),
            "denied" => {
                let Denied { reason } = self.body()?;
                Entry::Change(Change::Denied { call: call()?, reason })
            }
            other => return Err(format!("there is no kind of entry named {other:?}")),
        })
    }

    fn body<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_str(&self.body)
            .map_err(|error| format!("the body of {:?} can't be read: {error}", self.kind))
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("changes of a conversation can always be written as JSON")
}
