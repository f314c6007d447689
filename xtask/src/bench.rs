//! Measurements. Their packages are built only for who asks.

use clap::{Args, ValueEnum};
use program::println;

use crate::task::{Done, builds, cargo, root};

#[derive(Args)]
pub(crate) struct Bench {
    /// What to measure [default: stream, linear and loop]
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Only shows that loop works: measures each row once, without optimisation. Leaves out stream
    /// and linear
    #[arg(long)]
    quick: bool,
    /// Prints the figures of loop as JSON on the last line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// How fast streamed replies are read (1 min)
    Stream,
    /// Whether time grows in proportion to blocks, calls and rows (1 min)
    Linear,
    /// What a turn costs, compared with a bare loop (3 min)
    Loop,
    /// What a journal costs (docs/durability.md)
    Journal,
    /// What Restate costs (docs/durability.md)
    Restate,
}

/// Runs parts of the measurements, or all: `stream` and `linear` are benchmark targets of the crates whose work they measure, `loop`
/// the package `bench`; `journal` and `restate`, which are measured only if they are named, since they bring an engine each, are
/// in `journal-tools` and `restate-tools`.
///
/// With `--quick`, `loop` is built without optimisation: its figures say nothing then, but that it works.
pub(crate) fn run(options: &Bench) -> Done {
    let wanted = |part| options.parts.contains(&part) || options.parts.is_empty();
    if wanted(Part::Stream) && !options.quick {
        builds("the benchmark of agent-llm, built as programs are shipped");
        run_cargo(&["bench", "--package", "agent-llm", "--bench", "stream"])?;
        println!();
    }
    if wanted(Part::Linear) && !options.quick {
        let target = ["--package", "agent-core", "--features", "script", "--bench", "linear"];
        builds("the benchmark of agent-core, built as programs are shipped");
        run_cargo(&[&["bench"], &target[..]].concat())?;
        println!();
    }
    if wanted(Part::Loop) {
        run_loop(options)?;
    }
    for (part, package) in [(Part::Journal, "journal-tools"), (Part::Restate, "restate-tools")] {
        if options.parts.contains(&part) {
            builds(&format!("{package}, built as programs are shipped"));
            run_cargo(&["run", "--release", "--package", package, "--", "cost"])?;
        }
    }
    Ok(())
}

fn run_loop(options: &Bench) -> Done {
    let (profile, how) = match options.quick {
        true => ("dev", "without optimisation, to see that it works"),
        false => ("release", "as programs are shipped"),
    };
    let package = ["--package", "bench", "--profile", profile];
    let flags = [(options.quick, "--quick"), (options.json, "--json")];
    let flags: Vec<&str> = flags.into_iter().filter_map(|(is_set, flag)| is_set.then_some(flag)).collect();
    builds(&format!("bench, built {how}"));
    // It starts the program that lies beside it.
    run_cargo(&[&["build", "--bins"], &package[..]].concat())?;
    run_cargo(&[&["run", "--quiet"], &package[..], &["--"], &flags].concat())
}

fn run_cargo(arguments: &[&str]) -> Done {
    let status = cargo().args(arguments).current_dir(root()).status()?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("bench: cargo {} failed: {status}", arguments[0]).into()),
    }
}
