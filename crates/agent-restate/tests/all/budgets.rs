//! Budgets on the engine: they end runs as in process, whichever machine makes the requests.

use agent_core::{
    Agent, Conversation, Limits, Team, Usage,
    budget::{Budget, Usd},
    model::Priced,
    script::{Reply, Script},
};
use agent_handoff::Handoff;
use agent_restate::Services;
use agent_tools::AgentTool;
use restate_server::query;
use serde_json::json;

use crate::common::{Calls, Stage, call, poll_until, tool};

/// A boss, who makes two calls and then asks clerks in parallel, and an agent who hands over to a
/// chief. Each reply uses 200 output tokens.
struct Case {
    name: &'static str,
    agent: &'static str,
    clerks: usize,
    limits: Limits,
    /// What each clerk may spend.
    of_clerk: Option<Budget>,
    has_prices: bool,
}

impl Case {
    fn new(name: &'static str, budget: Budget) -> Self {
        let limits = Limits::new().budget(budget);
        Self { name, agent: "boss", clerks: 1, limits, of_clerk: None, has_prices: true }
    }

    fn model(&self) -> Script {
        let clerks = self.clerks;
        Script::by(move |request| {
            let ask = |number: usize| json!({"task": format!("Part {number}.")});
            let reply = match (&*request.agent, request.messages.len()) {
                ("boss", 1) => call("work", 1).and_call("work", json!({"say": "2"})),
                ("boss", 3) => (1..clerks)
                    .fold(Reply::call("clerk", ask(0)), |reply, number| reply.and_call("clerk", ask(number))),
                ("clerk", 1) => call("work", "on"),
                ("lost", 1) => Reply::call("handoff", json!({"name": "chief", "reason": "It is too much."})),
                _ => Reply::text("Done."),
            };
            reply.usage(Usage::new(100, 200))
        })
    }

    fn team(&self, model: &Script) -> Team {
        // 100 micro-dollars for an output token.
        let prices =
            |name: &str, usage: &Usage| (name == "gold").then(|| Usd::from_micros(usage.output_tokens * 100));
        let none = Calls::default();
        let agent = |name: &str, most: u32| {
            let agent = match self.has_prices {
                true => Agent::builder(name, Priced::new(model.clone(), "gold", prices).unwrap()),
                false => Agent::builder(name, model.clone()),
            };
            agent.max_tokens(most)
        };
        let clerk = AgentTool::new("clerk", "Works.");
        let clerk = match &self.of_clerk {
            Some(budget) => clerk.budget(budget.clone()),
            None => clerk,
        };
        let work = || tool("work", &none, &none);
        let agents = [
            agent("boss", 1_000).tool(work()).tool(clerk),
            agent("clerk", 1_000).tool(work()),
            agent("lost", 1_000).tools(Handoff::to([("chief", "Decides.")]).tools()),
            agent("chief", 50_000),
        ];
        Team::new(agents.map(|agent| agent.build().unwrap())).unwrap().with_limits(self.limits.clone())
    }

    fn start(&self) -> Conversation {
        Conversation::start(self.agent, "Go.").with_id(self.name)
    }
}

/// All that a run has led to: its end, its conversation, what it has spent, and what models have read.
fn seen(end: &str, conversation: &Conversation, model: &Script) -> String {
    let mut read: Vec<String> = model
        .requests()
        .iter()
        .map(|request| format!("{} of {}: {}", request.agent, request.conversation, request.last_text()))
        .collect();
    read.sort();
    let spent = serde_json::to_string(&conversation.spent()).unwrap();
    format!("{end}\n{conversation}{}\n{spent}\n{}", conversation.usage_by_agent(), read.join("\n"))
}

fn cases() -> Vec<(Case, &'static str)> {
    let (new, budget) = (Case::new, Budget::new);
    let all = budget().requests(99).tokens(90_000).calls(99).usd(Usd::dollars(9.0));
    vec![
        (Case { clerks: 3, ..new("enough", all) }, "Done."),
        (
            Case { clerks: 3, ..new("requests", budget().requests(5)) },
            "the budget of the run is used up: 5 of 5 requests are spent or reserved",
        ),
        (
            Case { clerks: 3, ..new("output", budget().output_tokens(1_300)) },
            "the budget of the run has no room for the next request: 900 of 1300 output tokens are left, and it may need 1000",
        ),
        (
            new("input", budget().input_tokens(450)),
            "the budget of the run has no room for the next request: 150 of 450 input tokens are left, and it may need 267",
        ),
        (
            new("money", budget().usd(Usd::dollars(0.15))),
            "the budget of the run has no room for the next request: $0.09 of $0.15 are left, and it may need $0.10",
        ),
        (new("calls", budget().calls(3)), "Done."),
        (
            new("nothing", budget().output_tokens(5)),
            "the budget of the run has no room for the next request: 5 of 5 output tokens are left, and it may need 1000",
        ),
        (
            Case {
                clerks: 3,
                of_clerk: Some(budget().requests(1)),
                limits: Limits::new(),
                ..new("clerk", budget())
            },
            "Done.",
        ),
        (
            Case { clerks: 3, of_clerk: Some(budget().calls(0)), ..new("both", budget().requests(8)) },
            "the budget of the run is used up: 8 of 8 requests are spent or reserved",
        ),
        (new("answer", budget().requests(4).warn_at(50).keep_for_answer(25)), "Done."),
        (Case { agent: "lost", ..new("transfer", budget().output_tokens(5_000)) }, "Done."),
        (
            Case { has_prices: false, ..new("no-prices", budget().usd(Usd::dollars(1.0))) },
            "agent \"boss\" got no answer: the model backend is not set up: a budget has a limit in dollars, but the prices of these agents' models are not known: boss, clerk, lost, chief. Wrap their backends in `Priced`",
        ),
    ]
}

#[tokio::test]
async fn a_budget_holds_on_the_engine_as_in_process() {
    let mut stage: Option<Stage> = None;
    for (case, expected) in cases() {
        let (here, there) = (case.model(), case.model());
        let services = Services::new(case.team(&there));
        match &mut stage {
            Some(stage) => stage.replace(services).await,
            none => *none = Stage::open(services).await,
        }
        let mut conversation = case.start();
        let end = case.team(&here).run(&mut conversation).await;
        let end = end.map_or_else(|error| error.to_string(), |end| end.to_string());
        assert_eq!(end, expected, "{}", case.name);
        let in_process = seen(&end, &conversation, &here);
        let Some(stage) = &stage else { continue };
        let mut conversation = case.start();
        let end = stage.host.run(&mut conversation).await;
        let end = end.map_or_else(|error| error.to_string(), |end| end.to_string());
        assert_eq!(seen(&end, &conversation, &there), in_process, "{}", case.name);
    }
    let Some(stage) = stage else { return };
    poll_until("that the accounts are deleted", async || {
        let sql = "SELECT * FROM state WHERE service_name = 'AgentBudget'";
        query(stage.cluster.admin(), sql).await.unwrap().is_empty().then_some(())
    })
    .await;
}
