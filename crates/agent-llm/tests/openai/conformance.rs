//! OpenAI's APIs in the conformance kit.

use agent_llm::OpenAi;
use agent_mock::conformance::Conformance;

use crate::common::WAYS;

#[tokio::test]
async fn both_apis_of_openai_pass_the_conformance_kit_streamed_and_not() {
    for way in WAYS {
        let kit = Conformance::http(move |url| way.settings(url + "/v1").build().unwrap());
        let report = kit.run().await;
        assert_eq!(report.failed().count(), 0, "{way:?}\n{report}");
        let streams = [
            "streamed",
            "error event in a call",
            "error event",
            "error event before any word",
            "event that is not JSON",
        ];
        let others = if way.streaming { &["one piece"][..] } else { &streams };
        assert_eq!(report.not_applicable().collect::<Vec<_>>(), others, "{way:?}");
    }
}

#[tokio::test]
async fn a_client_of_a_compatible_server_passes_the_conformance_kit() {
    let openai = |url| OpenAi::compatible(url + "/v1").model("any").max_retries(0).build().unwrap();
    Conformance::http(openai).run().await.assert();
}
