//! What is asked for.

use clap::{Args, Parser, Subcommand, builder::PossibleValuesParser};

use crate::row;

/// Measures what a turn costs, compared with a bare loop (3 min). `cargo xtask bench loop` starts
/// it
#[derive(Parser)]
#[command(name = "bench", args_conflicts_with_subcommands = true)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) measured: Measured,
    #[command(subcommand)]
    pub(crate) part: Option<Part>,
}

#[derive(Args)]
pub(crate) struct Measured {
    /// Rows to measure [default: all]
    #[arg(value_parser = PossibleValuesParser::new(row::keys()))]
    pub(crate) rows: Vec<String>,
    /// Measures each row once, with few conversations. The figures mean nothing: it only shows that
    /// the measurement works
    #[arg(long)]
    pub(crate) quick: bool,
    /// Prints the figures as JSON on the last line, if all rows are measured
    #[arg(long)]
    pub(crate) json: bool,
}

/// The processes that the measurement starts.
#[derive(Subcommand)]
pub(crate) enum Part {
    /// Serves until standard input ends. The measurement starts this
    Serve,
    /// Does one job and prints its cost as JSON. The measurement starts this
    Client {
        /// Client: `ours`, `heard` (the same with a listener that keeps the events), or `floor` (the bare loop)
        side: String,
        /// Name of the job
        job: String,
        /// URL of the server
        url: String,
        /// Number of conversations
        conversations: usize,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use insta::assert_snapshot;
    use options::{pages, refusal};

    use super::CommandLine;

    #[test]
    fn help_explains_each_part_and_each_option() {
        assert_snapshot!(pages(CommandLine::command()));
    }

    #[test]
    fn a_wrong_word_is_named_with_the_nearest_right_one() {
        let wrong: [&[&str]; 3] = [&["turn_cup"], &["--quik"], &["client", "ours"]];
        assert_snapshot!(wrong.map(|words| refusal(CommandLine::command(), words)).concat());
    }
}
