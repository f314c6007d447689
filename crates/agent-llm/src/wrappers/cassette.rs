//! Replies are recorded once, and replayed without a model.

mod answer;
mod backend;
mod clean;
mod difference;
mod error;
mod file;
mod miss;
mod mode;
mod question;
mod recorder;
mod recording;
mod replayed;
mod reply;
mod secrets;
mod shelf;
mod tree;

use std::{error::Error, fmt, path::Path, sync::Arc};

use agent_core::Llm;

use backend::Backend;
use clean::Clean;
pub use difference::RequestDifference;
pub use error::CassetteError;
pub use miss::CassetteMiss;
use mode::Mode;
use recording::Recording;
use replayed::Replayed;
use shelf::Shelf;

/// Records the replies of any [`Llm`] in a file, and replays them without it: in tests, without a
/// key and without a network.
///
/// ```no_run
/// use agent_core::Agent;
/// use agent_llm::{Cassette, Claude};
///
/// # async fn test() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Cassette::from_env("tests/trip.jsonl", Claude::from_env)?;
/// let agent = Agent::builder("planner", model).system("You plan trips.").build()?;
/// let end = agent.run(&mut agent.start("A day in Oslo, please.")).await?;
/// assert!(end.text().contains("Oslo"));
/// # Ok(())
/// # }
/// ```
///
/// `AGENT_CASSETTE=record cargo test` asks Claude and writes the file. Commit the file. From then
/// on `cargo test` replays it: it needs no key and never calls out. The same with a scripted model:
///
/// ```
/// use agent_core::script::{Reply, Script};
/// use agent_llm::{Cassette, Llm, Message, Request, fold};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("hello.jsonl");
/// let request = Request::new(vec![Message::user("Hi.")]);
/// let model = Cassette::record(&path, Script::new([Reply::text("Hello!")]))?;
/// fold(model.stream(request.clone()), |_| {}).await?;
///
/// let model = Cassette::replay(&path)?;
/// let reply = fold(model.stream(request.clone()), |_| {}).await?;
/// assert_eq!(reply.content[0].as_text(), Some("Hello!"));
///
/// let mut other = request;
/// other.max_tokens = 100;
/// let error = fold(model.stream(other), |_| {}).await.unwrap_err();
/// assert!(error.to_string().contains("max_tokens: recorded 8000, asked 100"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Which recording is replayed
///
/// The one of an equal request. What counts is what the model is asked: the agent's name, the
/// system prompt, the messages, the tools as the model reads them, `max_tokens` and
/// [`extra`](agent_core::model::RequestParts::extra). What differs from run to run does not count:
/// the id of the conversation, the ids of calls (they are numbered in the order in which they first
/// appear), signatures of thinking, and the fields that say how a server goes on from its last
/// reply. So requests of parallel agents may come in any order.
///
/// If an equal request is made several times, its recordings are replayed in order. Clones share
/// this count. A request does not say which model a backend asks, nor what its settings are. After
/// a change of these, record again.
///
/// # A request without a recording
///
/// It fails with [`NotAsked`](agent_core::model::LlmErrorKind::NotAsked) and the error type
/// `cassette_miss`. Nothing is sent, no retry follows, and [`Fallback`](crate::Fallback) asks no
/// other model. The error names the nearest recording and where it differs.
/// [`misses`](Self::misses) has all of them.
///
/// # What is replayed
///
/// What the backend yielded: the same deltas in the same pieces, also notices, restarts, token
/// counts and the error that ended it. The pauses between them are not kept. A reply is recorded
/// when its end has been read. One that was dropped before is not recorded.
///
/// # Where to put it
///
/// Outermost, as above: around `Claude`, which has its retries inside. A replay then has no waits.
/// Inside of [`Retry`](crate::Retry) it records and replays each attempt, and a replay waits
/// between them. Inside of a [`Gate`](crate::Gate) it works, too.
///
/// [`Priced`](agent_core::model::Priced) goes around the cassette, when you record and when you
/// replay: `Priced::new(Cassette::replay(path)?, model, prices)`. A replay has no backend that could
/// say what its next request may cost, so a run with a budget in dollars would fail.
///
/// # The file
///
/// It has a recording on each line, as JSON. Lines can be edited and deleted. It is only appended
/// to, and each recording is one write, so several tests and processes may record into one file.
///
/// Headers are never written. Texts that look like keys (`sk-…`, `Bearer …`, and those of well-known
/// services) are written as `[secret]`. Use [`scrub`](Self::scrub) for all others. Read a new file
/// before you commit it.
#[derive(Clone)]
pub struct Cassette {
    path: Arc<Path>,
    mode: Mode,
    backend: Option<Arc<Backend>>,
    /// For those recordings that replace the ones of the file.
    take: u32,
    repeats: bool,
    clean: Clean,
    recordings: Arc<[(usize, Recording)]>,
    replayed: Arc<Replayed>,
}

impl Cassette {
    /// Opens a cassette to replay it. There is no backend, so nothing can be sent.
    ///
    /// It reads the whole file. It fails if there is none, or if a line of it can't be read.
    pub fn replay(path: impl AsRef<Path>) -> Result<Self, CassetteError> {
        Self::open(path.as_ref(), Mode::Replay, None)
    }

    /// Opens a cassette to record it: all requests go to the backend. Makes the file and its folder
    /// if they do not exist.
    ///
    /// A new recording replaces those of an equal request that were in the file before. They stay
    /// in it, but are not replayed. Recordings of other requests stay as they are. To begin anew,
    /// delete the file first. The recordings of one process do not replace each other.
    pub fn record(path: impl AsRef<Path>, backend: impl Llm + 'static) -> Result<Self, CassetteError> {
        Self::open(path.as_ref(), Mode::Record, Some(made(backend)))
    }

    /// Opens a cassette to add to it what is new: requests that have a recording are replayed, and
    /// all others go to the backend and are recorded. Makes the file and its folder if they do not
    /// exist.
    pub fn record_new(path: impl AsRef<Path>, backend: impl Llm + 'static) -> Result<Self, CassetteError> {
        Self::open(path.as_ref(), Mode::RecordNew, Some(made(backend)))
    }

    /// Opens a cassette as the variable `AGENT_CASSETTE` says: `record` and `new` are
    /// [`record`](Self::record) and [`record_new`](Self::record_new), and `replay`, or nothing, is
    /// [`replay`](Self::replay).
    ///
    /// `backend` makes the backend. It is called only if a model will be asked: to record, at once;
    /// for what is new, with the first request that has no recording; to replay, never. So a replay
    /// needs no key.
    pub fn from_env<L: Llm + 'static, E: Into<Box<dyn Error + Send + Sync>>>(
        path: impl AsRef<Path>,
        backend: impl FnOnce() -> Result<L, E> + Send + 'static,
    ) -> Result<Self, CassetteError> {
        Self::open(path.as_ref(), Mode::from_env()?, Some(Backend::new(backend)))
    }

    fn open(path: &Path, mode: Mode, backend: Option<Backend>) -> Result<Self, CassetteError> {
        let recordings = file::read(path)?;
        if mode == Mode::Replay && recordings.is_none() {
            return Err(CassetteError::Missing { path: path.to_owned() });
        }
        let recordings = recordings.unwrap_or_default();
        if let (Mode::Record, Some(backend)) = (mode, &backend) {
            backend.make()?;
        }
        let mut take = 1;
        if mode != Mode::Replay {
            file::prepare(path)?;
            take = file::next_take(path, &recordings);
        }
        Ok(Self {
            path: path.into(),
            mode,
            backend: backend.filter(|_| mode != Mode::Replay).map(Arc::new),
            take,
            repeats: false,
            clean: Clean::default(),
            recordings: recordings.into(),
            replayed: Arc::default(),
        })
    }

    /// Also changes all texts by `scrub`: of requests and of replies, before they are written and
    /// before requests are compared. Use it for secrets and for personal data.
    ///
    /// It gets one text at a time: a prompt, a result, all pieces of a block. What it has changed
    /// once it must leave as it is.
    ///
    /// ```
    /// # fn scrubbed(model: agent_llm::Cassette) {
    /// let model = model.scrub(|text| text.replace("jane@example.com", "[mail]"));
    /// # }
    /// ```
    #[must_use]
    pub fn scrub(mut self, scrub: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        self.clean.also_scrub(Arc::new(scrub));
        self.anew()
    }

    /// Also takes out of the texts of *requests* what `normalize` takes out, before they are written
    /// and before they are compared. Replies stay as they are. Use it for what differs from run to
    /// run: dates, paths and ids in the results of tools.
    ///
    /// It gets one text at a time. What it has changed once it must leave as it is.
    #[must_use]
    pub fn normalize(mut self, normalize: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        self.clean.also_normalize(Arc::new(normalize));
        self.anew()
    }

    /// Replays the last recording of a request again when it is made more often than it was
    /// recorded. Otherwise that is an error.
    #[must_use]
    pub fn repeat_last(mut self) -> Self {
        self.repeats = true;
        self
    }

    /// Begins again by changed settings.
    fn anew(mut self) -> Self {
        self.replayed = Arc::default();
        self
    }

    /// The requests that had no recording, in the order in which they were made.
    pub fn misses(&self) -> Vec<CassetteMiss> {
        self.replayed.misses()
    }

    /// The lines of the file, from 1, whose recordings were not replayed: those of requests that
    /// are no longer made, and those that newer ones have replaced. They can be deleted.
    pub fn unused(&self) -> Vec<usize> {
        self.shelf().unused()
    }

    fn shelf(&self) -> &Shelf {
        self.replayed.shelf(&self.recordings, &self.clean)
    }
}

fn made(llm: impl Llm + 'static) -> Backend {
    Backend::new(|| Ok::<_, CassetteError>(llm))
}

impl fmt::Debug for Cassette {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cassette").field("path", &self.path).field("mode", &self.mode).finish_non_exhaustive()
    }
}
