//! Lengths: what needs more than a screen or two holds more than one concept.

mod rust_file;

use rust_file::{Function, RustFile};

use crate::source::sources;
use crate::task::{Done, verdict};

/// Where there is Rust.
const FOLDERS: [&str; 4] = ["crates", "examples", "tools", "xtask"];

/// The most lines of a file before its tests.
const FILE: usize = 300;

/// The most lines of an example.
const EXAMPLE: usize = 59;

/// The most lines of a function.
const FUNCTION: usize = 40;

/// The most lines of the loop.
const LOOP: usize = 20;

/// Fails on each file, example and function that is too long, and if the loop is too long or missing.
pub(crate) fn run() -> Done {
    let sources = sources(&FOLDERS)?;
    let rust = sources.iter().filter(|source| source.is_rust());
    let files = rust.map(RustFile::read).collect::<Result<Vec<_>, _>>()?;
    let files: Vec<RustFile> = files.into_iter().filter(|file| !file.is_test()).collect();
    let functions: usize = files.iter().map(|file| file.functions.len()).sum();
    let drive: usize = loops(&files).iter().map(|drive| drive.lines).sum();
    let summary = format!("lengths: {} files, {functions} functions, a loop of {drive} lines", files.len());
    verdict(&summary, &too_long(&files))
}

/// What is too long, a sentence each.
fn too_long(files: &[RustFile]) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in files {
        let path = &file.path;
        let (most, what) =
            if file.is_example() { (EXAMPLE, "an example") } else { (FILE, "a file before its tests") };
        if file.lines > most {
            wrong.push(format!("{path}: {} lines, {what} has {most} at most", file.lines));
        }
        for Function { name, line, lines, .. } in file.functions.iter().filter(|f| f.lines > FUNCTION) {
            wrong.push(format!(
                "{path}:{line}: `{name}` has {lines} lines, a function has {FUNCTION} at most"
            ));
        }
    }
    match loops(files).as_slice() {
        [drive] if drive.lines <= LOOP => {}
        [drive] => wrong.push(format!("`drive` has {} lines, the loop has {LOOP} at most", drive.lines)),
        [] => wrong
            .push("`pub async fn drive` not found in agent-core: it is the loop, whose length counts".into()),
        [..] => wrong.push("`pub async fn drive` is in agent-core more than once: there is one loop".into()),
    }
    wrong
}

fn loops(files: &[RustFile]) -> Vec<&Function> {
    let core = files.iter().filter(|file| file.path.starts_with("crates/agent-core/src/"));
    core.flat_map(|file| &file.functions).filter(|f| f.name == "drive" && f.is_public_async).collect()
}

#[cfg(test)]
mod tests {
    use super::{RustFile, too_long};
    use crate::source::Source;

    const CORE: &str = "crates/agent-core/src/drive.rs";
    const DRIVE: &str = "pub async fn drive() {\n}\n";

    /// A function of so many lines.
    fn function(signature: &str, lines: usize) -> String {
        format!("{signature} {{\n{}}}\n", "x();\n".repeat(lines - 2))
    }

    /// What is too long if the file at `path` holds `text`. The loop is elsewhere, unless the text has it.
    fn check(path: &str, text: &str, expected: &[&str]) {
        let source = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
        let mut sources = vec![source(path, text)];
        if path != CORE {
            sources.push(source(CORE, DRIVE));
        }
        let files =
            sources.iter().map(|source| RustFile::read(source).unwrap()).filter(|file| !file.is_test());
        assert_eq!(too_long(&files.collect::<Vec<_>>()), expected, "{path}");
    }

    #[test]
    fn a_file_is_measured_up_to_its_tests() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "// x\n".repeat(400));
        let file = |lines: usize| "// x\n".repeat(lines);
        let long = "crates/a/src/b.rs: 301 lines, a file before its tests has 300 at most";
        check("crates/a/src/b.rs", &file(300), &[]);
        check("crates/a/src/b.rs", &file(301), &[long]);
        check("crates/a/src/b.rs", &(file(300) + &tests), &[]);
        check("crates/a/src/b.rs", &(file(301) + &tests), &[long]);
        check("crates/a/src/b.rs", &("#[cfg(test)]\nmod tests;\n".to_string() + &file(299)), &[long]);
        check("crates/a/src/b.rs", &("#[cfg(not(test))]\nmod a {\n}\n".to_string() + &file(298)), &[long]);
        check("crates/a/tests/b.rs", &file(301), &[]);
        check("crates/a/src/b/tests.rs", &file(301), &[]);
    }

    #[test]
    fn an_example_fits_a_screen() {
        check("examples/examples/hello.rs", &"// x\n".repeat(59), &[]);
        let long = "examples/examples/hello.rs: 60 lines, an example has 59 at most";
        check("examples/examples/hello.rs", &"// x\n".repeat(60), &[long]);
    }

    #[test]
    fn a_function_is_measured_from_its_signature() {
        let path = "crates/a/src/b.rs";
        let long = |line: usize| format!("{path}:{line}: `f` has 41 lines, a function has 40 at most");
        check(path, &("/// Doc.\n".repeat(9) + &function("fn f()", 40)), &[]);
        check(path, &("/// Doc.\n".repeat(9) + &function("fn f()", 41)), &[&long(10)]);
        check(path, &format!("impl A {{\n{}}}\n", function("fn f()", 41)), &[&long(2)]);
        check(path, &format!("trait A {{\nfn g();\n{}}}\n", function("fn f()", 41)), &[&long(3)]);
        check(path, &format!("fn g() {{\n{}}}\n", function("fn f()", 38)), &[]);
        check(path, &format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function("fn f()", 41)), &[]);
        check(path, &format!("#[cfg(all(test, unix))]\nimpl A {{\n{}}}\n", function("fn f()", 41)), &[]);
        check(path, &format!("#[tokio::test]\n{}", function("async fn f()", 41)), &[]);
    }

    #[test]
    fn the_loop_is_short_and_there_is_one() {
        check(CORE, &function("pub async fn drive<H: Host>(host: &H)", 20), &[]);
        check(
            CORE,
            &function("pub async fn drive()", 21),
            &["`drive` has 21 lines, the loop has 20 at most"],
        );
        let missing = "`pub async fn drive` not found in agent-core: it is the loop, whose length counts";
        check(CORE, "fn drive() {}\n", &[missing]);
        check(CORE, "", &[missing]);
        let twice = "`pub async fn drive` is in agent-core more than once: there is one loop";
        check("crates/agent-core/src/other.rs", DRIVE, &[twice]);
        check("crates/agent-tools/src/other.rs", DRIVE, &[]);
    }

    #[test]
    fn what_is_not_rust_is_an_error() {
        let source = Source { path: "a.rs".into(), text: "\nfn {".into() };
        let error = RustFile::read(&source).err().unwrap();
        assert!(error.starts_with("a.rs:2: not Rust: "), "{error}");
    }
}
