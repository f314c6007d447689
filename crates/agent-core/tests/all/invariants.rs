//! Rules about the source itself.

use std::{fs, path::Path};

/// The files under `folder` that contain `text`, without their tests.
fn files_with(folder: &Path, text: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_with(&path, text, found);
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let code = source.split("#[cfg(test)]").next().unwrap();
        let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        if code.into_iter().any(|line| line.contains(text)) {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
}

#[test]
fn invariant_2_drive_is_the_only_loop_that_asks_a_model() {
    let check = |text: &str, expected: &[&str]| {
        let mut found = Vec::new();
        files_with(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), text, &mut found);
        found.sort();
        assert_eq!(found, expected, "{text}");
    };
    // Only one place takes the turns of a conversation …
    check("Turn::Model(turn)", &["host.rs"]);
    check("drive(", &["backgrounds.rs", "local.rs"]);
    // … and only one asks a model, once. The others only pass requests on to the model inside.
    check(".stream(request)", &["ask.rs", "llm.rs", "metered.rs", "priced.rs"]);
}
