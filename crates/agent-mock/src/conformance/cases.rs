//! All cases.

mod broken_streams;
mod calls;
mod connections;
mod histories;
mod replies;
mod runs;
mod statuses;

use super::case::Case;

/// All cases, in the order in which they run.
pub fn cases() -> Vec<Case> {
    [
        replies::cases(),
        calls::cases(),
        histories::cases(),
        runs::cases(),
        statuses::cases(),
        broken_streams::cases(),
        connections::cases(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_case_has_a_name_of_its_own_and_says_what_it_is_for() {
        let cases = cases();
        let names: BTreeSet<&str> = cases.iter().map(Case::name).collect();
        assert_eq!(names.len(), cases.len());
        for case in &cases {
            assert!(case.purpose().ends_with('.') && case.purpose().len() > 20, "{}", case.name());
        }
    }
}
