//! Custom hosts: another way to carry out turns, with the same loop.

use std::{
    convert::Infallible,
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use agent_core::{
    Agent, Conversation, End, EventKind, Outcome, Response, RunError, Team,
    conversation::{Call, Failure, ToolTurn},
    host::{DelegationGuard, Host, HostError, HostWrapper, LocalHost, Perform, drive, in_parallel},
    model::fold,
    tool::Receipt,
};
use futures::FutureExt;
use serde_json::json;

use crate::common::{Act, Log, calls, team};
use agent_core::script::{Reply, Script};

/// A host that only notes the calls, without any tool.
struct Clerk {
    team: Team,
    at_most: usize,
    notes: Mutex<Vec<String>>,
}

impl Host for Clerk {
    type Error = Failure;
    type Rules = Team;

    fn rules(&self) -> &Team {
        &self.team
    }

    async fn ask(&self, so_far: &Conversation) -> Result<Result<Response, Failure>, Failure> {
        let agent = so_far.speaker().to_owned();
        let request = self.team.request(so_far).unwrap();
        let llm = self.team.agent(&agent).unwrap().llm();
        Ok(fold(llm.stream(request), |_| ()).await.map_err(|error| Failure { agent, error }))
    }

    async fn act(&self, turn: ToolTurn<'_>) -> Result<(), Failure> {
        in_parallel(turn, self.at_most, self).await
    }
}

impl Perform for Clerk {
    type Error = Failure;

    async fn call(&self, call: Call, receipt: Receipt) -> Result<(), Failure> {
        let input: serde_json::Value = call.call.parse().unwrap();
        self.notes.lock().unwrap().push(format!("{} {}", call.agent, call.call.id));
        match input["to"].as_str() {
            Some(to) => receipt.fill(Outcome::delegate(to, "Do it.")),
            // A host that forgets to fill the receipt loses the call's result, and nothing else.
            None if input["forget"] == true => {}
            None => receipt.fill(Outcome::output("noted")),
        }
        Ok(())
    }

    fn converse(
        &self,
        mut child: DelegationGuard,
    ) -> impl Future<Output = (DelegationGuard, Result<Result<End, Failure>, Failure>)> {
        let run = async move {
            let end = drive(&mut child, self).await;
            (child, Ok(end))
        };
        run.boxed_local()
    }
}

#[tokio::test]
async fn the_same_loop_runs_on_another_host_whatever_is_at_once() {
    for at_most in [0, 1, usize::MAX] {
        let reply =
            calls([("act", json!({"to": "expert"})), ("act", json!({"forget": true})), ("act", json!({}))]);
        let expert = vec![calls([("act", json!({}))]), Reply::text("Done it.")];
        let (team, _, _) = team([("main", vec![reply, Reply::text("Done.")]), ("expert", expert)]);
        let host = Clerk { team, at_most, notes: Mutex::default() };
        let mut conversation = Conversation::start("main", "Go.");
        let end = drive(&mut conversation, &host).await.unwrap();
        assert_eq!(end.text(), "Done.");
        insta::allow_duplicates! {
            insta::assert_snapshot!(conversation.to_string(), @r#"
            user: Go.
              > call_0_0 act {"to":"expert"}
              > call_0_1 act {"forget":true}
              > call_0_2 act {}
              < call_0_0 = Done it.
              < call_0_1 failed: the call ended without a result
              < call_0_2 = noted
            main: Done.
            "#);
        }
        let mut notes = host.notes.into_inner().unwrap();
        notes.sort();
        assert_eq!(notes, ["expert call_0_0", "main call_0_0", "main call_0_1", "main call_0_2"]);
    }
}

/// A host that allows a number of requests, and counts the calls.
struct Prepaid {
    local: LocalHost,
    requests_left: AtomicU32,
    calls: AtomicU32,
}

#[derive(Debug, PartialEq)]
struct Spent;

impl HostWrapper for Prepaid {
    type Stop = Spent;

    fn local(&self) -> &LocalHost {
        &self.local
    }

    async fn ask(&self, so_far: &Conversation) -> Result<Result<Response, Failure>, HostError<Spent>> {
        let less = |left: u32| left.checked_sub(1);
        match self.requests_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) {
            Ok(_) => Ok(self.local.ask(so_far).await?),
            Err(_) => Err(HostError::Stopped(Spent)),
        }
    }

    async fn call(&self, call: Call, receipt: Receipt) -> Result<(), HostError<Spent>> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Ok(self.local.call(call, receipt).await?)
    }
}

/// A team of two agents. The first delegates to the second.
fn two() -> Team {
    let main = vec![calls([("act", json!({"to": "expert"}))]), Reply::text("Done.")];
    let expert = vec![calls([("act", json!({}))]), Reply::text("Done it.")];
    team([("main", main), ("expert", expert)]).0
}

#[tokio::test]
async fn a_host_around_the_local_one_does_all_requests_and_calls_of_all_agents() {
    let prepaid = |team: &Team, requests: u32| Prepaid {
        local: LocalHost::new(team.clone()),
        requests_left: requests.into(),
        calls: 0.into(),
    };
    for requests in 0..4 {
        let (team, mut conversation) = (two(), Conversation::start("main", "Go."));
        let host = prepaid(&team, requests);
        assert_eq!(host.run(&mut conversation).await, Err(HostError::Stopped(Spent)), "{requests}");
        let end = drive(&mut conversation, &prepaid(&team, 4 - requests)).await.unwrap();
        assert_eq!(end.text(), "Done.", "{requests}: what was done is not done again");
    }
    // Its runs can be spawned, and read event by event.
    let host = Arc::new(prepaid(&two(), 4));
    let run = tokio::spawn(async move {
        let mut conversation = Conversation::start("main", "Go.");
        let (mut run, mut ended) = (host.run(&mut conversation), Vec::new());
        while let Some(event) = run.next().await {
            if let EventKind::Ended(end) = event.kind {
                ended.push(end.text().to_owned());
            }
        }
        assert_eq!(run.await.unwrap().text(), "Done.");
        (ended, host.calls.load(Ordering::SeqCst))
    });
    assert_eq!(run.await.unwrap(), (vec!["Done it.".to_owned(), "Done.".to_owned()], 2));
}

/// A wrapper that changes nothing.
struct Plain(LocalHost);

impl HostWrapper for Plain {
    type Stop = Infallible;

    fn local(&self) -> &LocalHost {
        &self.0
    }
}

#[tokio::test]
async fn a_host_that_changes_nothing_runs_as_the_local_one() {
    let host = Plain(LocalHost::new(two()));
    let mut conversation = Conversation::start("main", "Go.");
    assert_eq!(host.run(&mut conversation).await.unwrap().text(), "Done.");
    let mut gone = Conversation::start("nobody", "Go.");
    let error = host.run(&mut gone).await.unwrap_err();
    assert!(matches!(error, HostError::Run(RunError::UnknownAgent { .. })), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_delegated_conversation_has_the_time_of_its_call_on_a_host_around_the_local_one() {
    let log = Log::default();
    let second = Duration::from_secs(1);
    let ask = Act::new("act", &log).spec(|spec| spec.timeout = Some(second));
    let model = Script::by_agent([
        ("main", vec![calls([("act", json!({"to": "expert"}))]), Reply::text("Done.")]),
        ("expert", vec![Reply::text("Too late.").after(60 * second)]),
    ]);
    let main = Agent::builder("main", model.clone()).tool(ask).build().unwrap();
    let team = Team::new([main, Agent::builder("expert", model).build().unwrap()]).unwrap();
    let (host, mut conversation) = (Plain(LocalHost::new(team)), Conversation::start("main", "Go."));
    assert_eq!(host.run(&mut conversation).await.unwrap().text(), "Done.");
    let failed = "< call_0_0 failed: expert stopped: timed out after 1s";
    assert!(conversation.to_string().contains(failed), "{conversation}");
}

/// A host whose calls look after detached calls, and use tokens.
struct Looks(LocalHost);

impl HostWrapper for Looks {
    type Stop = Infallible;

    fn local(&self) -> &LocalHost {
        &self.0
    }

    async fn call(&self, _: Call, receipt: Receipt) -> Result<(), HostError<Infallible>> {
        let outcome = Outcome::Control(agent_core::conversation::Control::Check);
        let mut usage = agent_core::model::UsageByAgent::default();
        usage.add("guard", agent_core::Usage::new(7, 0));
        receipt.fill(agent_core::tool::Done { outcome, usage });
        Ok(())
    }
}

#[tokio::test]
async fn what_a_call_has_used_that_looks_after_others_is_counted_once() {
    let (team, _, _) = team([("main", vec![calls([("act", json!({}))]), Reply::text("Done.")])]);
    let mut conversation = Conversation::start("main", "Go.");
    let host = Looks(LocalHost::new(team));
    assert_eq!(HostWrapper::run(&host, &mut conversation).await.unwrap().text(), "Done.");
    assert!(conversation.to_string().contains("= No background call goes on."), "{conversation}");
    assert_eq!(conversation.usage_by_agent().of("guard").input_tokens, 7);
}
