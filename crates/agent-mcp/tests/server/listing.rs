use agent_mcp::{ServeError, serve, serve_tools};
use agent_tools::{AgentTool, FnTool, math};
use insta::assert_json_snapshot;
use serde_json::json;

use crate::{
    team::{pay, payer, planner},
    wire::{BOTH, Revision, Wire},
};

#[tokio::test]
async fn what_a_tool_says_about_itself_is_listed() {
    let tools = [
        math::sum_numbers(),
        FnTool::new("set", "Sets a value.", |(): ()| "set").idempotent(),
        FnTool::new("send", "Sends a letter.", |(): ()| "sent"),
    ];
    let mut wire = Wire::to(serve_tools(tools), Revision::New).await;
    assert_json_snapshot!(wire.ask("tools/list", json!({})).await["tools"]);
}

#[tokio::test]
async fn each_agent_is_a_tool() {
    #[derive(schemars::JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Sum {
        sum: u32,
    }
    let server = serve(planner()).agent("planner", "Adds numbers.").answer::<Sum>("planner");
    let mut wire = Wire::to(server, Revision::New).await;
    assert_json_snapshot!(wire.ask("tools/list", json!({})).await["tools"]);
}

#[tokio::test]
async fn both_revisions_are_spoken() {
    for revision in BOTH {
        let server = serve(planner()).named("sums", "1.2.3").instructions("Ask for sums.");
        let mut wire = Wire::to(server, revision).await;
        assert_eq!(wire.ask("tools/list", json!({})).await["tools"][0]["name"], "planner", "{revision:?}");
    }
    let mut wire = Wire::to(serve(planner()).named("sums", "1.2.3"), Revision::New).await;
    let said = wire.ask("server/discover", json!({})).await;
    assert_eq!(said["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "sums", "{said}");
    assert!(said["supportedVersions"].as_array().unwrap().contains(&json!("2025-11-25")), "{said}");
    assert!(said["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{said}");
}

/// Clients show the name, and a user may have several of our servers.
#[tokio::test]
async fn a_server_without_a_name_has_that_of_the_first_agent_or_tool() {
    let tool = || FnTool::new("set", "Sets a value.", |(): ()| "set");
    for (server, expected) in [
        (serve(planner()), "planner"),
        (serve_tools([tool()]), "set"),
        (serve(planner()).tools([tool()]), "planner"),
    ] {
        let said = Wire::to(server, Revision::New).await.ask("server/discover", json!({})).await;
        assert_eq!(said["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], expected, "{said}");
    }
}

#[test]
fn a_server_that_can_not_work_says_so_before_it_serves() {
    let check = |server: agent_mcp::Serve, expected: &str| {
        assert_eq!(server.handler().unwrap_err().to_string(), expected);
    };
    let named = |name: &str| FnTool::new(name, "Adds.", |(): ()| "3");
    check(
        serve_tools([named("add"), named("add")]),
        "two of its agents and tools are named \"add\": rename one, or leave it out",
    );
    check(
        serve(planner()).tools([named("planner")]),
        "two of its agents and tools are named \"planner\": rename one, or leave it out",
    );
    check(
        serve(planner()).agent("palnner", "Plans."),
        "the team has no agent \"palnner\" (planner): name one of its agents",
    );
    let leads_away = serve_tools([AgentTool::new("planner", "Plans.")]).handler().unwrap_err();
    assert!(matches!(leads_away, ServeError::Build(_)), "{leads_away}");
    assert!(
        leads_away.to_string().contains("leads to agent \"planner\", which is not in the team"),
        "{leads_away}"
    );
    let none: [FnTool; 0] = [];
    assert!(matches!(serve_tools(none).handler().unwrap_err(), ServeError::NothingToServe));
}

#[tokio::test]
async fn only_the_agents_that_are_named_can_be_called() {
    let model = agent_core::script::Script::new([agent_core::script::Reply::text("Hidden.")]);
    let hidden = agent_core::Agent::builder("hidden", model).build().unwrap();
    let team = payer(pay().0);
    let both = agent_core::Team::new([hidden, team.agent("payer").unwrap().clone()]).unwrap();
    let mut wire = Wire::to(serve(both).agent("payer", "Pays."), Revision::Old).await;
    let listed = wire.ask("tools/list", json!({})).await;
    assert_eq!(listed["tools"].as_array().unwrap().len(), 1, "{listed}");
    let refused = wire.call("hidden", json!({"task": "Speak."})).await;
    assert_eq!(refused["message"], "there is no tool named \"hidden\"");
    assert_eq!(refused["code"], -32602);
}
