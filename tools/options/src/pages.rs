//! What a command line says to a person, as text for tests.

use clap::{Command, error::ErrorKind};

/// The help of a program and of all its commands, one page after the other, without those that are hidden.
#[must_use]
pub fn pages(mut command: Command) -> String {
    command.build();
    page(&mut command)
}

fn page(command: &mut Command) -> String {
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let mut pages = format!("{}\n\n", lines.join("\n").trim_end());
    let inner =
        command.get_subcommands_mut().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help");
    inner.for_each(|inner| pages += &page(inner));
    pages
}

/// What is said to who types these words after the program's name, and the exit code: 0 for a page of help, 2 for a mistake.
///
/// # Panics
///
/// If nothing is wrong with them.
#[must_use]
pub fn refusal(command: Command, words: &[&str]) -> String {
    let name = command.get_name().to_owned();
    match command.try_get_matches_from([&[name.as_str()], words].concat()) {
        Ok(_) => panic!("nothing is wrong with {words:?}"),
        Err(error) if error.kind() == ErrorKind::DisplayHelp => "0: a page of help".to_owned(),
        Err(error) => format!("{}: {}", error.exit_code(), error.render()),
    }
}
