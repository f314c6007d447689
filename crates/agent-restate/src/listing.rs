//! The list of sessions, from the tables of the engine.
//!
//! An object with an index of all sessions would be another way. Each change of a session would
//! then be a request to that one object, and the index would still not know which runs were killed.
//! The tables know all that, and cost nothing while no list is read.

use std::collections::{BTreeMap, HashMap};

use agent_core::{
    conversation::PendingApproval,
    sessions::{SessionState, SessionSummary, SessionsError},
};
use serde::Deserialize;

use crate::{
    Restate, RestateError,
    admin::quoted,
    clock::time,
    kept_events::{EVENTS, LAST},
    names::SESSION,
    summary::{SUMMARY, Summary},
    tools::TOOLS,
    waits::{WAITING, Wait},
};

/// A value in the state of an object.
#[derive(Debug, Deserialize)]
struct Value {
    service_key: String,
    key: String,
    value_utf8: String,
}

/// An invocation that has not ended.
#[derive(Clone, Debug, Deserialize)]
struct Running {
    id: String,
    target_service_name: String,
    #[serde(default)]
    target_service_key: Option<String>,
    #[serde(default)]
    invoked_by_id: Option<String>,
}

/// What the tables say about sessions.
#[derive(Debug, Default)]
struct Tables {
    summaries: BTreeMap<String, String>,
    last_events: HashMap<String, u64>,
    /// The calls that wait in a conversation for a person.
    waits: HashMap<String, Vec<PendingApproval>>,
    /// The invocations that drive conversations.
    drives: HashMap<String, Running>,
    /// What each invocation has called.
    called: HashMap<String, Vec<Running>>,
}

impl Restate {
    /// The summaries of all sessions, or of one.
    pub(crate) async fn summaries(
        &self,
        only: Option<&str>,
    ) -> Result<Vec<Result<SessionSummary, SessionsError>>, SessionsError> {
        let within = only.map(|id| {
            let (own, below) = (quoted(id), quoted(&format!("{id}/")));
            move |column: &str| format!(" AND ({column} = {own} OR starts_with({column}, {below}))")
        });
        let within = |column: &str| within.as_ref().map_or_else(String::new, |within| within(column));
        let values = format!(
            "SELECT service_key, key, value_utf8 FROM state WHERE ((service_name = '{SESSION}' AND key IN \
             ('{SUMMARY}', '{WAITING}')) OR (service_name = '{EVENTS}' AND key = '{LAST}')){}",
            within("service_key")
        );
        let running = format!(
            "SELECT id, target_service_name, target_service_key, invoked_by_id FROM sys_invocation WHERE status NOT \
             IN ('completed', 'pending') AND ((target_service_name = '{SESSION}' AND target_handler_name IN ('run', 'say', \
             'delegated'){}) OR target_service_name = '{TOOLS}')",
            within("target_service_key")
        );
        let tables = Tables::of(self.ask(&values).await?, self.ask(&running).await?);
        let mut all: Vec<_> = tables.summaries.iter().map(|(id, text)| tables.summary(id, text)).collect();
        all.sort_by_key(|summary| summary.as_ref().ok().map(|summary| summary.began));
        Ok(all)
    }

    async fn ask<T: for<'de> Deserialize<'de>>(&self, sql: &str) -> Result<Vec<T>, SessionsError> {
        let rows = self.query(sql).await.ok_or(SessionsError::NotPossible {
            what: "listing sessions",
            why: "the address of the engine's admin API is not known: set it with Restate::with_admin",
        })?;
        Ok(rows?)
    }
}

impl Tables {
    fn of(values: Vec<Value>, running: Vec<Running>) -> Self {
        let mut tables = Self::default();
        for Value { service_key, key, value_utf8 } in values {
            match key.as_str() {
                SUMMARY => drop(tables.summaries.insert(service_key, value_utf8)),
                LAST => drop(tables.last_events.insert(service_key, value_utf8.parse().unwrap_or_default())),
                _ => {
                    let waits: Vec<Wait> = serde_json::from_str(&value_utf8).unwrap_or_default();
                    let waits = waits.into_iter().map(|wait| wait.waiting).collect();
                    tables.waits.insert(service_key, waits);
                }
            }
        }
        for one in running {
            if let Some(by) = &one.invoked_by_id {
                tables.called.entry(by.clone()).or_default().push(one.clone());
            }
            if let Some(session) = &one.target_service_key {
                tables.drives.insert(session.clone(), one);
            }
        }
        tables
    }

    fn summary(&self, id: &str, text: &str) -> Result<SessionSummary, SessionsError> {
        let known: Summary = serde_json::from_str(text).map_err(|error| {
            RestateError::Unreadable(format!("the summary of session {id:?} can't be read: {error}"))
        })?;
        let state = match (self.drives.get(id), known.end) {
            (Some(run), _) => match self.waiting(run) {
                Some(calls) => SessionState::Waiting(calls),
                None => SessionState::Running,
            },
            (None, Some(agent_core::End::Waiting(calls))) => SessionState::Waiting(calls),
            (None, Some(end)) => SessionState::Ended(end),
            (None, None) => SessionState::Stopped,
        };
        let mut summary = SessionSummary::new(id, known.agent, state, time(known.began));
        summary.turns = known.turns;
        summary.usage = known.usage;
        summary.changed = time(known.changed);
        summary.last_event = self.last_events.get(id).copied().unwrap_or_default();
        Ok(summary)
    }

    /// The calls for which a conversation waits, if it waits for nothing else. `run` drives it.
    fn waiting(&self, run: &Running) -> Option<Vec<PendingApproval>> {
        let called = self.called.get(&run.id).map(Vec::as_slice).unwrap_or_default();
        let own = run.target_service_key.as_ref().and_then(|key| self.waits.get(key)).cloned();
        if called.is_empty() {
            return own.filter(|calls| !calls.is_empty());
        }
        let mut all = own.unwrap_or_default();
        for one in called {
            // A call of a tool is being made.
            let below = (one.target_service_name == SESSION).then(|| self.waiting(one)).flatten()?;
            all.extend(below);
        }
        Some(all)
    }
}
