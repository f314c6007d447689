//! The requests that the demo and the examples send.

use std::{
    env,
    error::Error,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::folder;
use crate::task::{Done, builds, cargo, root};

/// Fast, since what is sent does not depend on the pace.
const DEMO: [&str; 4] = ["demo", "--json", "--speed", "1000"];

/// Runs them all, and returns a folder that has a folder for each with what it sent.
pub(super) fn all() -> Result<PathBuf, Box<dyn Error>> {
    let requests = folder("requests");
    if requests.exists() {
        fs::remove_dir_all(&requests)?;
    }
    let mut demo = Command::new(env::current_exe()?);
    record(demo.args(DEMO), &requests.join("demo"), true)?;
    builds("the examples, to see what they send");
    if !cargo().args(["build", "--locked", "--package", "examples", "--examples"]).status()?.success() {
        return Err("the examples can't be built, see above".into());
    }
    for (name, source) in examples()? {
        let mut example = cargo();
        example.args(["run", "--quiet", "--locked", "--package", "examples", "--example", &name]);
        // Examples of a scripted model send nothing.
        record(&mut example, &requests.join(&name), source.contains("agent_mock"))?;
    }
    Ok(requests)
}

/// The names of the examples, and their text.
fn examples() -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let mut examples = Vec::new();
    for file in fs::read_dir(root().join("examples/examples"))? {
        let path = file?.path();
        if let (Some(name), Some("rs")) = (path.file_stem(), path.extension().and_then(OsStr::to_str)) {
            examples.push((name.to_string_lossy().into_owned(), fs::read_to_string(&path)?));
        }
    }
    examples.sort();
    Ok(examples)
}

/// Runs a program that writes its requests to a folder. That it wrote none is an error if it sends some, or nobody
/// would notice that nothing is checked.
fn record(program: &mut Command, folder: &Path, sends: bool) -> Done {
    fs::create_dir_all(folder)?;
    let program = program.current_dir(root()).env("AGENT_MOCK_RECORD", folder);
    let output = program.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        return Err(format!("{program:?} failed:\n{}", String::from_utf8_lossy(&output.stderr)).into());
    }
    match sends && fs::read_dir(folder)?.next().is_none() {
        true => Err(format!("{program:?} uses agent-mock, but no request was recorded").into()),
        false => Ok(()),
    }
}
