//! The parts, and what each takes.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use options::{Rounds, nodes};

use crate::serve::Served;

/// What is done with Restate; `cargo xtask drill --engine restate`, `restate up` and `bench restate` start it
#[derive(Parser)]
#[command(name = "restate-tools", arg_required_else_help = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) part: Part,
}

#[derive(Subcommand)]
pub(crate) enum Part {
    /// Kills runs at any moment until they end, and checks that nothing was lost or done again
    Drill {
        /// How many Restate servers there are; of three, each in turn is killed instead of the process that serves
        #[arg(long, value_parser = nodes(), default_value = "1")]
        nodes: usize,
        #[command(flatten)]
        rounds: Rounds,
    },
    /// Measures what Restate costs
    Cost,
    /// Serves the drill's team beside a server that is up
    Stand {
        /// Where the server's data and logs are [default: target/restate/run]
        #[arg(long)]
        folder: Option<PathBuf>,
    },
    /// Serves the drill's team until it is stopped; the other parts start this
    Serve(Served),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use insta::assert_snapshot;
    use options::{pages, refusal};

    use super::CommandLine;

    #[test]
    fn help_explains_each_part() {
        assert_snapshot!(pages(CommandLine::command()));
    }

    #[test]
    fn a_wrong_word_is_named_with_the_nearest_right_one() {
        let wrong: [&[&str]; 3] = [&["stnad"], &["serve"], &["serve", "127.0.0.1:0", "log"]];
        assert_snapshot!(wrong.map(|words| refusal(CommandLine::command(), words)).concat());
    }
}
