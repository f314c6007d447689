//! Measurements. Their packages are built only for who asks.

use program::println;

use crate::task::{Done, builds, cargo, root};

/// Runs parts of the measurements, or all: `stream` and `linear` are benchmark targets of the crates whose work they measure, `loop`
/// the package `bench`, which has options of its own; `journal` and `restate`, which are measured only if they are named,
/// since they bring an engine each, are in `journal-tools` and `restate-tools`.
///
/// With `--quick`, `loop` is built without optimisation: its figures say nothing then, but that it works.
pub(crate) fn run(arguments: &[&str]) -> Done {
    let (options, parts): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|word| word.starts_with("--"));
    let quick = options.contains(&"--quick");
    let known = ["stream", "linear", "loop", "journal", "restate"];
    if let Some(unknown) = parts.iter().find(|part| !known.contains(part)) {
        return Err(format!("bench: there is no part {unknown:?}, only: {}", known.join(", ")).into());
    }
    let wanted = |part| parts.contains(&part) || parts.is_empty();
    if wanted("stream") && !quick {
        builds("the benchmark of agent-llm, built as programs are shipped");
        run_cargo(&["bench", "--package", "agent-llm", "--bench", "stream"])?;
        println!();
    }
    if wanted("linear") && !quick {
        let target = ["--package", "agent-core", "--features", "script", "--bench", "linear"];
        builds("the benchmark of agent-core, built as programs are shipped");
        run_cargo(&[&["bench"], &target[..]].concat())?;
        println!();
    }
    if wanted("loop") {
        let profile = ["--package", "bench", "--profile", if quick { "dev" } else { "release" }];
        let how =
            if quick { "without optimisation, to see that it works" } else { "as programs are shipped" };
        builds(&format!("bench, built {how}"));
        // It starts the program that lies beside it.
        run_cargo(&[&["build", "--bins"], &profile[..]].concat())?;
        run_cargo(&[&["run", "--quiet"], &profile[..], &["--"], &options].concat())?;
    }
    for engine in ["journal", "restate"].into_iter().filter(|engine| parts.contains(engine)) {
        let package = format!("{engine}-tools");
        builds(&format!("{package}, built as programs are shipped"));
        run_cargo(&["run", "--release", "--package", &package, "--", "cost"])?;
    }
    Ok(())
}

fn run_cargo(arguments: &[&str]) -> Done {
    let status = cargo().args(arguments).current_dir(root()).status()?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("bench: cargo {} failed: {status}", arguments[0]).into()),
    }
}
