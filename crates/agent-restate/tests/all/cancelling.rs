//! Cancelled runs, and work that takes too long.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use agent_core::{
    Agent, Context, Team,
    script::{Reply, Script},
};
use agent_restate::{RestateError, Services};
use agent_tools::{AgentTool, FnTool};
use serde_json::json;

use crate::common::{Calls, Input, Stage, alone, call, calls_then_done, start, tool};

#[tokio::test]
async fn cancelling_stops_calls_and_delegations_and_the_conversation_can_continue() {
    /// Notes that the call was dropped.
    struct Dropped(Arc<AtomicBool>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let (calls, dropped) = (Calls::default(), Arc::new(AtomicBool::new(false)));
    let (noted, gone) = (calls.clone(), dropped.clone());
    let hang = FnTool::new("hang", "Never ends.", move |_: Input, context: Context| {
        let (noted, gone) = (noted.clone(), Dropped(gone.clone()));
        async move {
            noted.note(context.key());
            std::future::pending::<()>().await;
            drop(gone);
            Ok::<_, String>(String::new())
        }
    });
    let model = Script::by(|request| match (&*request.agent, request.messages.len()) {
        ("clerk", 1) => call("say", "quick").and_call("other", json!({"task": "Hang."})),
        ("other", 1) => call("hang", ""),
        _ => Reply::text("Done."),
    });
    let other = Agent::builder("other", model.clone()).tool(hang).build().unwrap();
    let clerk = Agent::builder("clerk", model).tool(tool("say", &calls, &calls));
    let clerk = clerk.tool(AgentTool::new("other", "Hangs.")).build().unwrap();
    let Some(stage) = Stage::open(Services::new(Team::new([clerk, other]).unwrap())).await else {
        return;
    };
    let (host, run) = (stage.host.clone(), async |conversation: &mut _| stage.host.run(conversation).await);
    let mut conversation = start("c");
    let cancel = async {
        calls.until(|calls| calls.len() == 2).await;
        assert!(host.cancel("c").await.unwrap());
    };
    let (ended, ()) = futures::join!(run(&mut conversation), cancel);
    assert!(matches!(ended, Err(RestateError::Cancelled)), "{ended:?}");
    assert!(dropped.load(Ordering::Relaxed));

    let mut conversation = stage.host.history("c").await.unwrap().unwrap();
    let transcript = conversation.to_string();
    let results = "  < call_0_0 = quick\n  < call_0_1 failed: other stopped: it was cancelled\n  | Its calls so far:\n  | - hang {\"say\":\"\"} failed: cancelled\n";
    assert!(transcript.contains(results), "{transcript}");
    assert_eq!(stage.host.run(&mut conversation).await.unwrap().text(), "Done.");
    assert_eq!(calls.made().values().sum::<usize>(), 2);
    assert!(!stage.host.cancel("c").await.unwrap(), "nothing drives it any more");
}

#[tokio::test]
async fn a_call_or_a_model_that_takes_too_long_fails() {
    let (calls, open) = (Calls::default(), Calls::default());
    let team = || alone(calls_then_done(call("wait", "hang")), [tool("wait", &calls, &open)]);
    let services = Services::new(team()).step_timeout(Duration::from_millis(1));
    let Some(stage) = Stage::open(services).await else { return };
    let mut conversation = start("slow");
    stage.host.run(&mut conversation).await.unwrap();
    assert!(conversation.to_string().contains("  < call_0_0 failed: it took longer than 1ms\n"));

    let model = Script::by(|_| Reply::text("Late.").after(Duration::from_secs(3600)));
    let services = Services::new(alone(Arc::new(model), [])).step_timeout(Duration::from_millis(1));
    let Some(stage) = Stage::open(services).await else { return };
    let error = stage.host.run(&mut start("slow")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "agent \"clerk\" got no answer: the model's server did not answer in time: it took longer than 1ms"
    );
}

#[tokio::test]
async fn cancelling_stops_a_request_to_a_model_and_the_next_run_repeats_it() {
    let asked = Calls::default();
    let noted = asked.clone();
    let model = Script::by(move |_| {
        noted.note(format!("ask {}", noted.made().len()));
        match noted.made().len() {
            1 => Reply::text("Late.").after(Duration::from_secs(3600)),
            _ => Reply::text("Done."),
        }
    });
    let Some(stage) = Stage::open(Services::new(alone(Arc::new(model), []))).await else { return };
    let run = stage.host.submit(&start("m"), None).await.unwrap();
    asked.until(|asked| !asked.is_empty()).await;
    assert!(stage.host.cancel("m").await.unwrap());
    let ended = stage.host.attach(&run).await;
    assert!(matches!(ended, Err(RestateError::Cancelled)), "{ended:?}");
    assert_eq!(stage.host.run(&mut start("m")).await.unwrap().text(), "Done.");
}
