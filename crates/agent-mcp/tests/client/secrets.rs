//! What is shown nowhere.

use agent_core::{
    Agent,
    script::{Reply, Script},
};
use agent_mcp::{McpServer, OAuth};
use serde_json::json;

use super::scripted::{server, written};

#[tokio::test]
async fn fault_34_secrets_of_a_server_are_not_shown() {
    let visit = |_| async { Err::<String, _>("nobody is here") };
    let oauth = OAuth::new("http://localhost/callback", visit).client("id").client_secret("secret-7");
    let http = McpServer::http("http://user:secret-1@127.0.0.1:9/mcp?key=secret-2")
        .header("x-api-key", "secret-3")
        .bearer("secret-4")
        .oauth(oauth);
    let process = McpServer::command("sh", ["--token", "secret-5"]).env("TOKEN", "secret-6");
    let shown = format!("{http:?} {process:?}");
    assert!(!shown.contains("secret"), "{shown}");
    let wrong = http.connect().await.unwrap_err();
    assert!(!format!("{wrong} {wrong:?}").contains("secret"), "{wrong:?}");

    let folder = tempfile::tempdir().unwrap();
    let server = server("2026-07-28", folder.path()).env("TOKEN", "secret-6").connect().await.unwrap();
    assert!(!format!("{server:?} {:?}", server.tools()).contains("secret"));
}

#[tokio::test]
async fn a_server_gets_no_keys_of_the_environment_unless_the_program_says_so() {
    for inherits in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let settings = server("2026-07-28", folder.path());
        let settings = if inherits { settings.inherit_env() } else { settings };
        settings.connect().await.unwrap();
        let sees = written(folder.path()).iter().any(|line| line == "sees the environment");
        assert_eq!(sees, inherits);
    }
}

/// The key of a call names its conversation, which may be the name of a user.
#[tokio::test]
async fn a_server_that_does_not_ask_for_keys_gets_none() {
    let folder = tempfile::tempdir().unwrap();
    let server = server("2026-07-28", folder.path()).connect().await.unwrap();
    let script = Script::new([Reply::call("echo", json!({"text": "a"})), Reply::text("Done.")]);
    let agent = Agent::builder("a", script).tools(server.tools()).build().unwrap();
    agent.run(&mut agent.start("Go.").with_id("ada@example.com")).await.unwrap();
    let written = written(folder.path());
    assert!(written.contains(&"echo".to_owned()), "{written:?}");
    assert!(!written.contains(&"sees the key of the call".to_owned()), "{written:?}");
}

#[tokio::test]
async fn settings_that_do_not_fit_are_errors() {
    let check = async |settings: agent_mcp::ServerBuilder, expected: &str| {
        let wrong = settings.connect().await.unwrap_err().to_string();
        assert!(wrong.contains(expected), "{wrong}");
    };
    check(
        McpServer::http("http://127.0.0.1:9").env("A", "b"),
        "`env` is for a server that is started by a command",
    )
    .await;
    check(McpServer::command("sh", [""; 0]).bearer("token"), "`bearer` is for a server at a URL").await;
    check(McpServer::http("http://127.0.0.1:9").header("a b", "c"), "its name has forbidden characters")
        .await;
    check(McpServer::http("http://127.0.0.1:9"), "no connection: ").await;
}
