//! How a program ends.

use std::{
    error::Error,
    io::{Write, stderr},
    process::ExitCode,
};

/// How a program ends whose task ended so: with 0, or with 1 and what went wrong on standard error, with all its causes.
pub fn ended(done: Result<(), Box<dyn Error>>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where that can't be said, the exit code says it.
            let _ = writeln!(stderr(), "{}", causes(&*error));
            ExitCode::FAILURE
        }
    }
}

/// An error and what caused it, a line each. A cause whose words the error says itself is not said again.
pub fn causes(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !said.contains(&words) {
            said += &format!("\n  because: {words}");
        }
        cause = error.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use std::fmt::{Display, Formatter, Result};

    use super::causes;

    #[derive(Debug)]
    struct Wrong(&'static str, Option<Box<Wrong>>);

    impl Display for Wrong {
        fn fmt(&self, f: &mut Formatter<'_>) -> Result {
            f.write_str(self.0)
        }
    }

    impl std::error::Error for Wrong {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    /// What is said of an error whose causes have these words.
    fn check(words: &[&'static str], expected: &str) {
        let error = words.iter().rev().fold(None, |cause, words| Some(Box::new(Wrong(words, cause))));
        assert_eq!(causes(&*error.unwrap()), expected);
    }

    #[test]
    fn an_error_is_said_with_all_its_causes_each_once() {
        check(&["no answer"], "no answer");
        check(
            &["no answer", "cut off", "reset by peer"],
            "no answer\n  because: cut off\n  because: reset by peer",
        );
        check(
            &["no answer: cut off", "cut off", "reset by peer"],
            "no answer: cut off\n  because: reset by peer",
        );
        check(&["cut off", "cut off"], "cut off");
    }
}
