//! The tasks, and what each takes.

use clap::{Parser, Subcommand};
use options::{Restate, Sessions, Soak};

use crate::{
    bench::Bench,
    demo::Demo,
    drill::Drill,
    foreign::Foreign,
    mcp::Mcp,
    mock::{self, MockServer},
    oracle::Oracle,
};

/// The project's own tasks. `cargo xtask TASK --help` explains one
#[derive(Parser)]
#[command(
    name = "xtask",
    bin_name = "cargo xtask",
    arg_required_else_help = true,
    subcommand_value_name = "TASK"
)]
#[command(subcommand_help_heading = "Tasks")]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) task: Task,
}

#[derive(Subcommand)]
pub(crate) enum Task {
    /// Measures what a turn costs, compared with a bare loop, in a release build (8 min;
    /// docs/performance.md)
    Bench(Bench),
    /// Shows agents at work over real HTTP, without a key (15 s)
    Demo(Demo),
    /// Reads the output of `demo --json` from standard input, and checks its figures
    DemoCheck,
    /// Kills runs at random moments until they end, and checks that nothing was lost or done twice
    /// (1 min; docs/durability.md)
    Drill(Drill),
    /// Checks that docs/faults.md and the tests agree
    Faults,
    /// Runs agents against other people's servers: llama.cpp, LiteLLM and aimock (10 min;
    /// docs/foreign.md)
    Foreign(Foreign),
    /// Shows and checks that a shared gate helps many agents at a rate limit (2 min; docs/gate.md)
    Gate,
    /// Checks what each crate depends on, what the core names, and that nothing is built twice
    Layers,
    /// Checks the lengths of files, functions, examples and the loop
    Lengths,
    /// Checks our MCP client and server with MCP's own conformance suite (1 min; docs/mcp.md)
    Mcp(Mcp),
    /// Serves a scripted model on this machine and prints its URL. Ctrl-C stops it
    #[command(after_help = mock::ENDPOINTS)]
    Mock(MockServer),
    /// Checks that rust-version is what the dependencies need
    Msrv,
    /// Checks with other people's code that we speak the API correctly (docs/oracle.md)
    Oracle(Oracle),
    /// Measures what a plan saves, compared with one call a turn and with parallel calls, on simulated
    /// time (docs/plans.md)
    Plans,
    /// Draws docs/timeline.svg, the picture in the README, from a run of the demo's team
    Picture,
    /// Starts and stops a Restate server, with a team of agents to try (docs/restate.md)
    Restate(Restate),
    /// Shows and changes the sessions in a journal (docs/durability.md)
    Sessions(Sessions),
    /// Kills one long conversation again and again, with summaries and a budget, and checks its
    /// answer, its calls and what it spent (3 min; docs/durability.md)
    Soak(Soak),
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};
    use insta::assert_snapshot;
    use options::{pages, refusal};

    use super::CommandLine;

    #[test]
    fn help_explains_each_task_and_each_option() {
        assert_snapshot!(pages(CommandLine::command()));
    }

    #[test]
    fn a_wrong_word_is_named_with_the_nearest_right_one() {
        let wrong: &[&[&str]] = &[
            &[],
            &["dmeo"],
            &["demo", "--jsno"],
            &["demo", "--speed"],
            &["demo", "--speed", "0"],
            &["demo", "--speed", "fast"],
            &["demo", "--model", "claude-1"],
            &["demo", "--live", "--speed", "1"],
            &["demo", "--page", "--json"],
            &["bench", "strem"],
            &["drill", "--engine", "restat"],
            &["drill", "many"],
            &["drill", "--seed"],
            &["mock", "scenario.json", "70000"],
            &["restate"],
            &["restate", "up", "--nodes", "2"],
            &["restate", "down", "--fresh"],
            &["sessions"],
            &["soak", "many"],
            &["sessions", "runs.journal", "shwo", "trip"],
            &["sessions", "runs.journal", "show"],
            &["sessions", "runs.journal", "fork", "trip", "copy", "three"],
        ];
        let said = |words: &&[&str]| {
            format!("$ cargo xtask {}\n{}\n", words.join(" "), refusal(CommandLine::command(), words))
        };
        assert_snapshot!(wrong.iter().map(said).collect::<String>());
    }

    #[test]
    fn what_docs_and_checks_type_is_taken() {
        let right: &[&str] = &[
            "bench --quick --json",
            "bench loop",
            "bench stream linear",
            "bench restate",
            "demo --speed 1",
            "demo --json",
            "demo --page --speed 100",
            "demo --json --speed 1000",
            "demo --live --model claude-haiku-5-5",
            "demo-check",
            "drill 200 --json",
            "drill 1000 --seed 1 --json",
            "drill --engine restate 20 --json",
            "drill --engine restate --nodes 3 10 --seed 1 --json",
            "drill --engine=restate",
            "foreign",
            "foreign --write",
            "foreign --mcp",
            "foreign llama litellm aimock",
            "mcp",
            "mcp --json --required --built",
            "mock scenario.json 8080",
            "oracle --required",
            "restate up --service http://127.0.0.1:9080 --nodes 3 --fresh",
            "restate up --folder there",
            "restate down",
            "restate --folder there status",
            "sessions runs.journal",
            "sessions runs.journal list",
            "sessions runs.journal show trip",
            "sessions runs.journal fork trip copy 2",
            "sessions runs.journal approve trip/call_0",
            "sessions runs.journal deny trip/call_0 no",
            "sessions runs.journal import",
            "soak --json",
            "soak 150 20 --seed 1 --json",
        ];
        for line in right {
            let read = CommandLine::try_parse_from(["xtask"].into_iter().chain(line.split(' ')));
            assert!(read.is_ok(), "{line}: {}", read.err().unwrap());
        }
    }
}
