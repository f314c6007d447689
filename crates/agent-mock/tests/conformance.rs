//! Scripts in the conformance kit.

use std::time::Duration;

use agent_core::{BoxStream, Delta, Llm, LlmError, Request, script::Script};
use agent_mock::conformance::{CaseReport, Conformance, Verdict, cases};

#[tokio::test]
async fn a_script_passes_the_conformance_kit() {
    let report = Conformance::scripted(Script::new).run().await;
    report.assert();
    assert_eq!(report.cases().len(), cases().len());
    insta::assert_snapshot!(report);
}

#[tokio::test]
async fn what_is_left_out_is_in_the_report_and_unknown_names_are_failures() {
    let kit = Conformance::scripted(Script::new).skip("usage", "it counts nothing").skip("usge", "a slip");
    let report = kit.only("usage").only("text").only("txt").time_limit(Duration::from_secs(60)).run().await;
    insta::assert_snapshot!(report, @r"
    passed          text
    not applicable  usage: it counts nothing
    FAILED          usge
                      expected: a case of this name
                      got:      none: see agent_mock::conformance::cases
    FAILED          txt
                      expected: a case of this name
                      got:      none: see agent_mock::conformance::cases
    1 passed, 2 failed, 1 not applicable
    ");
    let usage = Verdict::NotApplicable { reason: "it counts nothing".to_owned() };
    let is_usage = |case: &&CaseReport| case.name == "usage";
    assert_eq!(report.cases().iter().find(is_usage).map(|case| &case.verdict), Some(&usage));
}

struct Panics;

impl Llm for Panics {
    fn stream(&self, _: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        panic!("no idea")
    }
}

#[tokio::test]
async fn a_backend_that_panics_fails_the_case() {
    let report = Conformance::scripted(|_| Panics).only("text").only("one id twice").run().await;
    insta::assert_snapshot!(report, @r"
    FAILED          text
                      expected: no panic
                      got:      a panic: no idea
    FAILED          one id twice
                      expected: a run that ends
                      got:      an error Panicked that must not be retried (the model backend panicked: no idea)
    0 passed, 2 failed, 0 not applicable
    ");
}
