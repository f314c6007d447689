//! Claude in the conformance kit.

use agent_llm::Claude;
use agent_mock::conformance::{Conformance, Report};

use crate::common::settings;

fn claude(url: String, streaming: bool) -> Claude {
    settings(url).streaming(streaming).build().unwrap()
}

async fn report(streaming: bool) -> Report {
    Conformance::http(move |url| claude(url, streaming)).run().await
}

#[tokio::test]
async fn claude_passes_the_conformance_kit() {
    let report = report(true).await;
    report.assert();
    assert_eq!(report.not_applicable().collect::<Vec<_>>(), ["one piece"]);
}

#[tokio::test]
async fn claude_passes_the_conformance_kit_without_streams() {
    let report = report(false).await;
    report.assert();
    let streams = [
        "streamed",
        "error event in a call",
        "error event",
        "error event before any word",
        "event that is not JSON",
    ];
    assert_eq!(report.not_applicable().collect::<Vec<_>>(), streams);
}
