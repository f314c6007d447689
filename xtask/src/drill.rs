//! The drill. Its packages bring an engine each and are built only for who asks.

use clap::{Args, Error, ValueEnum, error::ErrorKind};
use options::{Rounds, nodes};

use crate::task::{Done, run_package};

#[derive(Args)]
pub(crate) struct Drill {
    /// Where runs are stored
    #[arg(long, value_enum, default_value_t = Engine::Journal)]
    engine: Engine,
    /// Number of Restate servers. With three, the drill kills these in turn, not the process that
    /// serves the agents [default: 1]
    #[arg(long, value_parser = nodes())]
    nodes: Option<usize>,
    #[command(flatten)]
    rounds: Rounds,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// A journal on SQLite, in one process
    Journal,
    /// A Restate server, which npm installs. Without npm, the drill is skipped
    Restate,
}

/// Kills runs until they come to their end; see `journal-tools` and `restate-tools`.
pub(crate) fn run(options: &Drill) -> Done {
    let nodes = options.nodes.map(|nodes| format!("--nodes={nodes}"));
    let words = ["drill".to_owned()].into_iter().chain(nodes).chain(options.rounds.words());
    match options.engine {
        Engine::Journal if options.nodes.is_some() => {
            let wrong = "--nodes needs --engine restate: a journal has no servers\n";
            Error::raw(ErrorKind::ArgumentConflict, wrong).exit()
        }
        Engine::Journal => run_package("journal-tools", words),
        Engine::Restate => run_package("restate-tools", words),
    }
}
