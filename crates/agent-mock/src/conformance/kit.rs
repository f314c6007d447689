//! The kit: a backend, and what is left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use agent_core::{Llm, script::Reply};
use futures::FutureExt;
use tokio::time::timeout;

use super::{
    case::Case,
    cases::cases,
    checks::check,
    mismatch::{Checked, Mismatch},
    report::{CaseReport, Report, Verdict},
    stage::{NoStage, Stage, Subject},
};

/// The default for the most time that a case may take. Cases take some milliseconds unless the
/// backend hangs.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// Puts a backend through all [`cases`]. The [module](super) says how it is used.
pub struct Conformance {
    subject: Subject,
    skipped: BTreeMap<String, String>,
    /// The names of the cases to run. If there are none, all cases run.
    only: BTreeSet<String>,
    time_limit: Duration,
}

impl Conformance {
    /// For a backend that asks a server. `backend` gets the URL of a server, such as
    /// `http://127.0.0.1:4321`, and makes a backend that asks it. It is called once for each case.
    ///
    /// Make it without retries: then the cases see each error. With retries, a case in which an
    /// error may be retried expects the reply instead.
    pub fn http<L: Llm + 'static>(backend: impl Fn(String) -> L + Send + Sync + 'static) -> Self {
        Self::of(Subject::Http(Box::new(move |url| Arc::new(backend(url)))))
    }

    /// For a backend without a server that gives the replies of a script, such as
    /// [`Script`](agent_core::script::Script), and for wrappers around one. `backend` gets the
    /// replies, the first one first. It is called once for each case. Cases that need a server are
    /// not applicable.
    pub fn scripted<L: Llm + 'static>(backend: impl Fn(Vec<Reply>) -> L + Send + Sync + 'static) -> Self {
        Self::of(Subject::Scripted(Box::new(move |replies| Arc::new(backend(replies)))))
    }

    fn of(subject: Subject) -> Self {
        Self { subject, skipped: BTreeMap::new(), only: BTreeSet::new(), time_limit: TIME_LIMIT }
    }

    /// Leaves out the case of this name. The report then says that it is not applicable, for this
    /// reason. A name that no case has is a failure in the report.
    pub fn skip(mut self, case: impl Into<String>, reason: impl Into<String>) -> Self {
        self.skipped.insert(case.into(), reason.into());
        self
    }

    /// Runs only the case of this name, to look into it. Several calls choose several cases. A name
    /// that no case has is a failure in the report.
    pub fn only(mut self, case: impl Into<String>) -> Self {
        self.only.insert(case.into());
        self
    }

    /// The most time that a case may take before it fails. The default is 20 s, which is enough for
    /// a busy machine: no case waits for time to pass.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Runs the cases, one after the other.
    pub async fn run(&self) -> Report {
        let mut reports = Vec::new();
        let (cases, streams) = (cases(), self.asks_for_streams().await);
        for case in cases.iter().filter(|case| self.only.is_empty() || self.only.contains(case.name)) {
            let verdict = match self.skipped.get(case.name) {
                Some(reason) => Verdict::NotApplicable { reason: reason.clone() },
                None => self.verdict(case, streams).await,
            };
            reports.push(CaseReport { name: case.name.to_owned(), verdict });
        }
        let named = self.skipped.keys().chain(&self.only);
        let unknown = named.filter(|name| cases.iter().all(|case| case.name != **name));
        reports.extend(unknown.map(|name| CaseReport { name: name.clone(), verdict: no_such_case() }));
        Report::new(reports)
    }

    /// Whether the backend asks for streams. `None` if it asks no server.
    async fn asks_for_streams(&self) -> Option<bool> {
        let first = Case::reply("first request", "It shows how the backend asks.", Reply::text("Hello."));
        let stage = self.subject.stage(&first).await.ok()?;
        // If this fails, so does the first case.
        let _ = within(self.time_limit, &first, &stage).await;
        stage.requests().first().map(|request| request.body["stream"] == true)
    }

    async fn verdict(&self, case: &Case, streams: Option<bool>) -> Verdict {
        if let Some(reason) = case.needs.other_way(streams) {
            return Verdict::NotApplicable { reason: reason.to_owned() };
        }
        let stage = match self.subject.stage(case).await {
            Ok(stage) => stage,
            Err(NoStage::NotApplicable(reason)) => {
                return Verdict::NotApplicable { reason: reason.to_owned() };
            }
            Err(NoStage::Io(error)) => return failed(Mismatch::new("a server on this machine", error)),
        };
        within(self.time_limit, case, &stage).await.map_or_else(failed, |()| Verdict::Passed)
    }
}

/// A backend that panics or hangs fails the case.
async fn within(limit: Duration, case: &Case, stage: &Stage) -> Checked {
    let checked = AssertUnwindSafe(check(case, stage)).catch_unwind();
    match timeout(limit, checked).await {
        Ok(Ok(checked)) => checked,
        Ok(Err(panic)) => Err(Mismatch::new("no panic", format!("a panic: {}", message(&*panic)))),
        Err(_) => {
            let requests = stage.count().map(|count| format!(", after {count} requests")).unwrap_or_default();
            Err(Mismatch::new("an end", format!("none within {limit:?}{requests}")))
        }
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}

fn failed(Mismatch { expected, got }: Mismatch) -> Verdict {
    Verdict::Failed { expected, got }
}

fn no_such_case() -> Verdict {
    failed(Mismatch::new("a case of this name", "none: see agent_mock::conformance::cases"))
}

impl fmt::Debug for Conformance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conformance").field("skipped", &self.skipped).finish_non_exhaustive()
    }
}
