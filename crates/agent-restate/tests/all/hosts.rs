//! One team on three hosts.

#[allow(dead_code, reason = "it is an example, too")]
#[path = "../../examples/anywhere/main.rs"]
pub(crate) mod anywhere;

#[tokio::test]
async fn a_run_is_the_same_in_process_on_a_journal_and_on_the_engine() {
    let here = anywhere::run("process").await.unwrap();
    assert!(here.to_string().contains("support takes over from billing"));
    for host in ["journal", "restate"] {
        let installed = (host == "restate").then(restate_server::install);
        if let Some(Err(missing)) = installed {
            println!("skipped: {missing}");
            continue;
        }
        let there = anywhere::run(host).await.unwrap();
        assert_eq!(there.to_string(), here.to_string(), "{host}");
        assert_eq!(serde_json::to_string(&there).unwrap(), serde_json::to_string(&here).unwrap(), "{host}");
    }
}
