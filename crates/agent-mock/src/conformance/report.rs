//! What came of the cases.

use std::fmt;

use agent_core::message::safe_line;

/// What came of each case. Print it, or call [`assert`](Self::assert) in a test.
///
/// It is printed with one line per case. A case that failed has two more lines: what was expected,
/// and what the backend did instead.
#[must_use = "call `assert` on it, or print it"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report(Vec<CaseReport>);

/// What came of one case.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseReport {
    /// The name of the [case](super::Case).
    pub name: String,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of a case.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The backend did what was expected.
    Passed,
    /// The backend did something else.
    Failed {
        /// What was expected.
        expected: String,
        /// What the backend did instead: the first difference.
        got: String,
    },
    /// The case says nothing about this backend.
    NotApplicable {
        /// The reason.
        reason: String,
    },
}

impl Report {
    pub(super) fn new(cases: Vec<CaseReport>) -> Self {
        Self(cases)
    }

    /// All cases, in the order in which they ran.
    pub fn cases(&self) -> &[CaseReport] {
        &self.0
    }

    /// The names of the cases that failed.
    pub fn failed(&self) -> impl Iterator<Item = &str> {
        self.names(|verdict| matches!(verdict, Verdict::Failed { .. }))
    }

    /// The names of the cases that were not applicable.
    pub fn not_applicable(&self) -> impl Iterator<Item = &str> {
        self.names(|verdict| matches!(verdict, Verdict::NotApplicable { .. }))
    }

    fn names(&self, is_wanted: fn(&Verdict) -> bool) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |case| is_wanted(&case.verdict)).map(|case| case.name.as_str())
    }

    /// Panics with the whole report if a case failed.
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.failed().next().is_none(), "the backend failed cases of the conformance kit\n{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for CaseReport { name, verdict } in &self.0 {
            match verdict {
                Verdict::Passed => writeln!(f, "passed          {name}")?,
                Verdict::NotApplicable { reason } => {
                    writeln!(f, "not applicable  {name}: {}", safe_line(reason))?;
                }
                Verdict::Failed { expected, got } => {
                    writeln!(f, "FAILED          {name}")?;
                    writeln!(f, "                  expected: {}", safe_line(expected))?;
                    writeln!(f, "                  got:      {}", safe_line(got))?;
                }
            }
        }
        let (failed, others) = (self.failed().count(), self.not_applicable().count());
        let passed = self.0.len() - failed - others;
        writeln!(f, "{passed} passed, {failed} failed, {others} not applicable")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let failed = Verdict::Failed { expected: "text \"Hi.\"".to_owned(), got: "no\u{1b}thing".to_owned() };
        let other = Verdict::NotApplicable { reason: "it needs a server".to_owned() };
        let cases = [("text", Verdict::Passed), ("usage", failed), ("cancel", other)];
        let case = |(name, verdict): (&str, Verdict)| CaseReport { name: name.to_owned(), verdict };
        Report::new(cases.map(case).into())
    }

    #[test]
    fn a_report_has_a_line_for_each_case_and_says_what_was_wrong() {
        insta::assert_snapshot!(report(), @r#"
        passed          text
        FAILED          usage
                          expected: text "Hi."
                          got:      no\u{1b}thing
        not applicable  cancel: it needs a server
        1 passed, 1 failed, 1 not applicable
        "#);
    }

    #[test]
    #[should_panic(expected = "got:      no")]
    fn a_failed_case_is_a_panic_with_the_report() {
        report().assert();
    }
}
