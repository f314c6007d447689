//! What the tests serve.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use agent_core::{
    Agent, Context, Team, Tool,
    script::{Reply, Script},
};
use agent_journal::{Journal, JournalHostError};
use agent_mcp::{ClientCall, Serve};
use agent_tools::{FnTool, math};
use serde_json::json;
use tokio::sync::Notify;

#[derive(serde::Deserialize, schemars::JsonSchema)]
pub(crate) struct Payment {
    amount: u32,
}

/// A planner that adds two numbers with a tool and answers with the sum.
pub(crate) fn planner() -> Team {
    let model = Script::by(|request| match request.messages.len() {
        1 => Reply::call("sum_numbers", json!({"numbers": [19, 23]})),
        _ => Reply::text("It is 42."),
    });
    Team::new([Agent::builder("planner", model).tool(math::sum_numbers()).build().unwrap()]).unwrap()
}

/// A tool that pays once a person has approved it, and counts how often it has paid.
pub(crate) fn pay() -> (Arc<dyn Tool>, Arc<AtomicUsize>) {
    let paid = Arc::new(AtomicUsize::new(0));
    let count = paid.clone();
    let pay = FnTool::new("pay", "Pays an amount.", move |payment: Payment| {
        count.fetch_add(1, Ordering::Relaxed);
        format!("paid {}", payment.amount)
    });
    (Arc::new(pay.needs_approval()), paid)
}

/// A team whose only agent pays, which a person must approve.
pub(crate) fn payer(tool: Arc<dyn Tool>) -> Team {
    let model = Script::by(|request| match request.messages.len() {
        1 => Reply::call("pay", json!({"amount": 3})),
        _ => Reply::text(format!("Done: {}", request.messages[2].tool_results().next().unwrap().1)),
    });
    Team::new([Agent::builder("payer", model).tools([tool]).build().unwrap()]).unwrap()
}

/// A tool that reports its progress faster than anybody could read it.
pub(crate) fn hasty() -> FnTool {
    async fn hasty((): (), context: Context) -> &'static str {
        for step in 0..100 {
            context.progress(step.to_string());
        }
        "done"
    }
    FnTool::new("hasty", "Is in a hurry.", hasty)
}

/// A tool that reports its progress three times.
pub(crate) fn slow() -> FnTool {
    async fn slow((): (), context: Context) -> &'static str {
        for step in ["begun", "half", "whole"] {
            context.progress(step);
        }
        "done"
    }
    FnTool::new("slow", "Takes its time.", slow)
}

/// A tool that never returns. The first notification comes when it has begun, the second when it is
/// dropped.
pub(crate) fn waits() -> (FnTool, Arc<Notify>, Arc<Notify>) {
    struct OnDrop(Arc<Notify>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let (begun, stopped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, stops) = (begun.clone(), stopped.clone());
    let waits = FnTool::new("waits", "Waits for ever.", move |(): ()| {
        let (begins, stops) = (begins.clone(), OnDrop(stops.clone()));
        async move {
            begins.notify_one();
            std::future::pending::<()>().await;
            drop(stops);
            "never"
        }
    });
    (waits, begun, stopped)
}

/// Keeps the runs of a server in a journal in this folder.
pub(crate) fn on_journal(server: Serve, folder: &Path) -> Serve {
    let journal = Journal::open(folder.join("runs.journal")).unwrap();
    server.runs_on(move |call: ClientCall| {
        let journal = journal.clone();
        async move {
            let mut conversation = call.conversation();
            let host = journal.host(call.team(), &mut conversation).await?;
            let host = host.listen(call.listener());
            call.decide(&mut conversation);
            let end = host.run(&mut conversation).await?;
            Ok::<_, JournalHostError>((end, conversation))
        }
    })
}
