//! The parts, and what each takes.

use clap::{Parser, Subcommand};
use options::{Rounds, Sessions, Soak};

use crate::{run::Killable, soak::Read};

/// Tools for journals. `cargo xtask drill`, `sessions` and `bench journal` start them
#[derive(Parser)]
#[command(name = "journal-tools", arg_required_else_help = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) part: Part,
}

#[derive(Subcommand)]
pub(crate) enum Part {
    /// Kills runs at random moments until they end, and checks that nothing was lost or done twice
    Drill(Rounds),
    /// Measures what a journal costs
    Cost,
    /// Shows and changes the sessions in a journal
    Sessions(Sessions),
    /// Kills one long conversation again and again, and checks its answer, its calls and what it spent
    Soak(Soak),
    /// Starts or continues a run of the drill's team. The drill starts this, and kills it
    Run(Killable),
    /// Starts or continues the conversation of the soak. The soak starts this, and kills it
    Read(Read),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use insta::assert_snapshot;
    use options::{pages, refusal};

    use super::CommandLine;

    #[test]
    fn help_explains_each_part() {
        // Those of drill, sessions and soak are among the pages of `cargo xtask`.
        let pages = pages(CommandLine::command());
        let shared = ["drill", "sessions", "soak"].map(|part| format!("journal-tools {part}"));
        let own = |page: &&str| !shared.iter().any(|part| page.contains(part.as_str()));
        assert_snapshot!(pages.split_inclusive("Print help\n\n").filter(own).collect::<String>());
    }

    #[test]
    fn a_wrong_word_is_named() {
        assert_snapshot!(refusal(CommandLine::command(), &["run", "journal", "log", "trip", "twice"]));
    }
}
