//! The parts, and what each takes.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use options::{Rounds, nodes};

use crate::serve::Served;

/// Tools for Restate. `cargo xtask drill --engine restate`, `restate up` and `bench restate` start
/// them
#[derive(Parser)]
#[command(name = "restate-tools", arg_required_else_help = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) part: Part,
}

#[derive(Subcommand)]
pub(crate) enum Part {
    /// Kills runs at random moments until they end, and checks that nothing was lost or done twice
    Drill {
        /// Number of Restate servers. With three, the drill kills these in turn, not the process
        /// that serves the agents
        #[arg(long, value_parser = nodes(), default_value = "1")]
        nodes: usize,
        #[command(flatten)]
        rounds: Rounds,
    },
    /// Measures what Restate costs
    Cost,
    /// Serves the drill's team to a server that is up
    Stand {
        /// Folder of the server's data and logs [default: target/restate/run]
        #[arg(long)]
        folder: Option<PathBuf>,
    },
    /// Serves the drill's team until it is stopped. The other commands start this
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
