//! A collector of OpenTelemetry: does it read the traces and metrics of agent-otel as they are meant?

use crate::{
    python::Python,
    task::{Done, builds, cargo, root},
};

/// The program that exports a run. Its package is not built by default.
const EXPORT: [&str; 4] = ["--package", "agent-otel", "--example", "export"];

/// Runs it against a collector in Python, which knows the messages of OTLP and the published names.
pub(super) fn check(python: &Python) -> Done {
    builds("the example `export` (not built by default, because it brings OpenTelemetry)");
    let cargo = cargo().get_program().to_owned();
    let folder = root().join("target/oracle");
    let mut check = python.script("xtask/oracle/otel.py");
    check.arg(root().join("xtask/oracle/otel_names.json")).arg(folder).arg(cargo);
    check.args(["run", "--quiet"]).args(EXPORT).arg("--").current_dir(root());
    if check.status()?.success() { Ok(()) } else { Err("oracle: OpenTelemetry: see above".into()) }
}
