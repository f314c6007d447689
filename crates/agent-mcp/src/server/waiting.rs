//! A client that waits for the result of its call.

use std::{collections::BTreeMap, mem, sync::Arc};

use agent_core::{Conversation, conversation::PendingApproval, sessions::Decision};
use futures::FutureExt;
use rmcp::{
    ErrorData, RoleServer,
    model::{CallToolResponse, InputRequiredResult, ProgressNotificationParam, ProgressToken},
    service::RequestContext,
};
use tokio::sync::{broadcast::error::RecvError, watch};

use super::{
    ClientCall,
    approval::{self, Asks},
    call,
    catalog::Entry,
    ended::Ended,
    open_runs::{Attached, OtherInput},
    request::CallRequest,
    response::{failure, response},
    served::Served,
};

/// A client that waits for the result of its call: it is told about the progress, and asked about
/// calls that a person must approve.
pub(crate) struct Client<'a> {
    pub(crate) served: &'a Served,
    pub(crate) request: CallRequest,
    pub(crate) start: Conversation,
    pub(crate) context: RequestContext<RoleServer>,
}

/// Why there is no result for the client.
enum Gone {
    Cancelled,
    OtherInput,
}

impl Client<'_> {
    pub(crate) async fn answer(mut self, entry: &Entry) -> Result<CallToolResponse, ErrorData> {
        let mut told = Told::of(&self.context);
        let mut decisions = mem::take(&mut self.request.decisions);
        loop {
            let given = mem::take(&mut decisions);
            let (ended, is_first) = match self.run(given.clone(), &mut told).await {
                Ok(ended) => ended,
                Err(gone) => return self.gone(&gone),
            };
            let waiting = match ended {
                Ended::Result(result) => return Ok(response(entry, &result)),
                Ended::Waiting(waiting) => waiting,
            };
            // Another client's run has not had the decisions of this one.
            if !is_first && waiting.iter().any(|call| given.contains_key(&call.key)) {
                decisions = given;
                continue;
            }
            match Asks::of(&self.context) {
                Asks::Never => return Ok(failure(cannot_ask(&waiting))),
                Asks::ByResult => {
                    let (questions, state) = (approval::questions(&waiting), self.request.key.clone());
                    return Ok(InputRequiredResult::new(Some(questions), Some(state)).into());
                }
                Asks::ByRequest => match self.ask(&waiting).await {
                    Some(asked) if asked.is_empty() => return Ok(failure(undecided(&waiting))),
                    Some(asked) => decisions = asked,
                    None => return self.gone(&Gone::Cancelled),
                },
            }
            // The conversation that goes on is the one that waits.
            self.request.continues = true;
        }
    }

    /// Attaches to the run of the call, or starts it, and waits for its end. Also returns whether
    /// it was started for this client.
    async fn run(
        &self,
        decisions: BTreeMap<String, Decision>,
        told: &mut Told,
    ) -> Result<(Ended, bool), Gone> {
        let served = self.served;
        let attached = served.open.attach(&self.start, |reports| {
            let call = call::Inner {
                tool: self.request.tool.clone(),
                team: served.team.clone(),
                start: self.start.clone(),
                has_key: self.request.has_key,
                continues: self.request.continues,
                decisions,
                caller: self.request.caller.clone(),
                extensions: self.request.extensions.clone(),
                reports,
            };
            let (runs, call) = (served.runs.clone(), ClientCall(Arc::new(call)));
            async move { runs(call).await }.boxed()
        });
        let attached = attached.await.map_err(|OtherInput| Gone::OtherInput)?;
        let is_first = attached.is_first;
        Ok((self.wait(attached, told).await?, is_first))
    }

    async fn wait(&self, mut attached: Attached, told: &mut Told) -> Result<Ended, Gone> {
        let mut reads = true;
        let ended = loop {
            tokio::select! {
                biased;
                () = self.context.ct.cancelled() => return Err(Gone::Cancelled),
                report = attached.reports.recv(), if reads => match report {
                    Ok(report) => told.tell(&self.context, report).await,
                    Err(RecvError::Lagged(missed)) => {
                        told.tell(&self.context, format!("({missed} reports came too fast to be sent)")).await;
                    }
                    Err(RecvError::Closed) => reads = false,
                },
                ended = end(&mut attached.ended) => break ended,
            }
        };
        while let Ok(report) = attached.reports.try_recv() {
            told.tell(&self.context, report).await;
        }
        Ok(ended)
    }

    /// Asks the client's user about each call that waits. `None` if the client cancels its call.
    async fn ask(&self, waiting: &[PendingApproval]) -> Option<BTreeMap<String, Decision>> {
        let mut decisions = BTreeMap::new();
        for call in waiting {
            let asked = self.context.peer.create_elicitation(approval::question(call));
            let answer = tokio::select! {
                () = self.context.ct.cancelled() => return None,
                answer = asked => answer,
            };
            // A client that fails to ask has decided nothing.
            if let Some(decision) = answer.ok().as_ref().and_then(approval::decision) {
                decisions.insert(call.key.clone(), decision);
            }
        }
        Some(decisions)
    }

    fn gone(&self, gone: &Gone) -> Result<CallToolResponse, ErrorData> {
        match gone {
            // Nobody reads it: the client has gone or has cancelled.
            Gone::Cancelled => Ok(failure("the call was cancelled")),
            Gone::OtherInput => {
                Ok(failure("this idempotency key is in use for a call with another input: use a new key"))
            }
        }
    }
}

/// Waits until the run has ended.
async fn end(ended: &mut watch::Receiver<Option<Ended>>) -> Ended {
    let ended = ended.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
    ended.unwrap_or_else(|| Ended::error("the run was lost: the server is stopping"))
}

/// What the client has been told about the progress of its call.
struct Told {
    /// `None` if the client does not want to know.
    token: Option<ProgressToken>,
    reports: f64,
}

impl Told {
    fn of(context: &RequestContext<RoleServer>) -> Self {
        Self { token: context.meta.get_progress_token(), reports: 0.0 }
    }

    async fn tell(&mut self, context: &RequestContext<RoleServer>, report: String) {
        let Some(token) = self.token.clone() else { return };
        self.reports += 1.0;
        let report = ProgressNotificationParam::new(token, self.reports).with_message(report);
        // A client that can't be told has gone; its request is cancelled then.
        let _ = context.peer.notify_progress(report).await;
    }
}

fn cannot_ask(waiting: &[PendingApproval]) -> String {
    format!(
        "not done: a person must approve this first, and this client can't ask one (it has no elicitation). {}",
        listed(waiting)
    )
}

fn undecided(waiting: &[PendingApproval]) -> String {
    format!("not done: nobody has decided about this. {}", listed(waiting))
}

fn listed(waiting: &[PendingApproval]) -> String {
    let questions: Vec<String> = waiting.iter().map(ToString::to_string).collect();
    format!("Waiting: {}", questions.join("; "))
}
