//! What the engine keeps of a run, by its tables.

use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use agent_core::{budget::Spent, conversation::Call, tool::Done as CallDone};
use agent_restate::{Invocation, Restate};
use drill::{Done, Kept, Paid};
use restate_server::query;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::time::sleep;

/// The name of the session in what is compared: its own is another in each run.
const SESSION: &str = "trip";

/// The first and the last entry of what was invoked, for a call its input and its output.
const ENTRIES: &str = "SELECT i.id AS id, i.status AS status, i.target_service_key AS object, \
                       date_part('epoch', i.created_at) AS began, date_part('epoch', i.completed_at) AS ended, \
                       j.entry_json AS entry \
                       FROM sys_invocation i JOIN sys_journal j ON i.id = j.id \
                       WHERE (i.target_service_name = 'AgentTools' OR i.target_handler_name = 'delegated') \
                       AND (j.entry_type = 'Command: Input' OR j.entry_type = 'Command: Output')";

/// The accounts of sessions.
const ACCOUNTS: &str =
    "SELECT value_utf8 AS value FROM state WHERE service_name = 'AgentBudget' AND key = 'ledger'";

/// The permits that calls hold or wait for. After the end of a run, there are none.
const PERMITS: &str =
    "SELECT value_utf8 AS value FROM state WHERE service_name = 'AgentPermits' AND key = 'queue'";

/// So long after its end, the calls of a run may still give back their permits.
const PATIENCE: Duration = Duration::from_secs(10);

/// So long before one looks again.
const PAUSE: Duration = Duration::from_millis(20);

/// The permits of one limit.
#[derive(Deserialize)]
struct Queue {
    held: Vec<Value>,
    waiting: Vec<Value>,
}

/// The accounts of a session with one budget, its own.
#[derive(Deserialize)]
struct Ledger {
    spent: BTreeMap<String, Spent>,
    reserved: BTreeMap<String, Reserved>,
}

/// What is reserved for a request that is under way.
#[derive(Deserialize)]
struct Reserved {
    amount: Spent,
}

/// An invocation of a call or of a delegated conversation.
#[derive(Default)]
struct Invoked {
    is_over: bool,
    /// In seconds of the epoch.
    began: f64,
    ended: f64,
    object: Option<String>,
    input: Option<Vec<u8>>,
    output: Option<Vec<u8>>,
}

/// The call that an invocation is for.
#[derive(Deserialize)]
struct Input {
    call: Call,
}

/// What there is of the run of the session of this id, which was killed at these times, in seconds of the epoch.
pub(crate) async fn kept(
    admin: &str,
    host: &Restate,
    session: &str,
    run: Option<&Invocation>,
    kills: &[RangeInclusive<f64>],
) -> Done<Kept> {
    let mut kept = Kept::default();
    let mut all: Vec<Invoked> = invoked(&query(admin, ENTRIES).await?)?.into_values().collect();
    // A call led to a delegation before that led to something.
    all.sort_by_key(|invoked| invoked.is_delegated());
    for invoked in all {
        let Some(key) = invoked.key()? else { continue };
        let Some(key) = of_session(&key, session) else { continue };
        if kills.iter().any(|killed| invoked.was_under_way(killed)) {
            kept.perhaps_unknown.insert(key.clone());
        }
        if let Some(output) = invoked.output.filter(|_| invoked.is_over) {
            let done: CallDone = serde_json::from_slice(&output)?;
            kept.outcomes.entry(key).or_default().push(done.outcome);
        }
    }
    kept.paid = accounts(&query(admin, &format!("{ACCOUNTS} AND service_key = '{session}'")).await?)?;
    if let Some(run) = run {
        kept.answered = host.result(run).await?.map(|ran| ran.conversation.with_id(SESSION));
    }
    if let Some(answered) = &kept.answered {
        // Its accounts are deleted. What it has spent is in its record.
        kept.paid = Some(Paid { spent: answered.spent(), ..Paid::default() });
        kept.permits = permits(admin).await?;
    }
    Ok(kept)
}

/// How many permits are held or waited for, and are not given back soon.
async fn permits(admin: &str) -> Done<usize> {
    let began = Instant::now();
    loop {
        let mut open = 0;
        for row in query(admin, PERMITS).await? {
            let Queue { held, waiting } = serde_json::from_str(row["value"].as_str().unwrap_or_default())?;
            open += held.len() + waiting.len();
        }
        if open == 0 || began.elapsed() > PATIENCE {
            return Ok(open);
        }
        sleep(PAUSE).await;
    }
}

/// What the accounts of a session say; `None` if there are none, because its run has not begun.
fn accounts(rows: &[Value]) -> Done<Option<Paid>> {
    let Some(ledger) = rows.first().and_then(|row| row["value"].as_str()) else { return Ok(None) };
    let Ledger { spent, reserved } = serde_json::from_str(ledger)?;
    let mut paid = Paid { spent: Spent::default(), open: reserved.keys().cloned().collect() };
    let under_way = reserved.into_values().map(|one| one.amount);
    spent.into_values().chain(under_way).for_each(|amount| paid.spent += amount);
    Ok(Some(paid))
}

/// The key with the name that all sessions share here, if it is of this session.
pub(crate) fn of_session(key: &str, session: &str) -> Option<String> {
    let rest = key.strip_prefix(session).filter(|rest| rest.starts_with('/'))?;
    Some(format!("{SESSION}{rest}"))
}

fn invoked(rows: &[Value]) -> Done<BTreeMap<String, Invoked>> {
    let mut all: BTreeMap<String, Invoked> = BTreeMap::new();
    let text = |row: &Value, name: &str| row[name].as_str().map(str::to_owned);
    for row in rows {
        let id = text(row, "id").ok_or("a row without an id")?;
        let invoked = all.entry(id).or_default();
        invoked.is_over = row["status"] == "completed";
        invoked.began = row["began"].as_f64().unwrap_or_default();
        invoked.ended = row["ended"].as_f64().unwrap_or(f64::INFINITY);
        invoked.object = text(row, "object");
        let entry: Value = serde_json::from_str(row["entry"].as_str().unwrap_or_default())?;
        let command = &entry["Command"];
        if command.get("Input").is_some() {
            invoked.input = Some(bytes(&command["Input"]["payload"])?);
        }
        if let Some(output) = command["Output"]["result"].get("Success") {
            invoked.output = Some(bytes(output)?);
        }
    }
    Ok(all)
}

impl Invoked {
    fn is_delegated(&self) -> bool {
        self.object.as_ref().is_some_and(|object| !object.is_empty())
    }

    /// Whether it had begun and was not over at one of these times, as far as clocks that show milliseconds tell.
    fn was_under_way(&self, times: &RangeInclusive<f64>) -> bool {
        let most = 0.002;
        self.began <= times.end() + most && *times.start() <= self.ended + most
    }

    /// The key of the call that this is for.
    fn key(&self) -> Done<Option<String>> {
        if self.is_delegated() {
            return Ok(self.object.clone());
        }
        let Some(input) = &self.input else { return Ok(None) };
        let Input { call } = serde_json::from_slice(input)?;
        Ok(Some(format!("{}/{}", call.conversation, call.call.id)))
    }
}

fn bytes<T: DeserializeOwned>(value: &Value) -> Done<T> {
    Ok(T::deserialize(value)?)
}
