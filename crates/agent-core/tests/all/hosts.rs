//! A host of one's own: another way to carry turns out, the same loop.

use std::{future::Future, sync::Mutex};

use agent_core::{
    Conversation, End, Outcome, Response, Team,
    conversation::{Call, Failure, ToolTurn},
    host::{DelegationGuard, Host, Perform, drive, in_parallel},
    model::fold,
    tool::Receipt,
};
use futures::FutureExt;
use serde_json::json;

use crate::common::{calls, team};
use agent_core::script::Reply;

/// Makes calls by writing them down, with no tool at all.
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
