//! A server in a process of its own.

use std::{
    error::Error,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// A program that reads a line, prints the URL that it serves, and ends when its standard input does: so it ends with
/// this process, too, however that ends.
pub(crate) struct Served {
    url: String,
    process: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Served {
    /// Starts it, with its first line. `name` is for the error.
    pub(crate) fn start(name: &str, program: &mut Command, line: &str) -> Result<Self, Box<dyn Error>> {
        let mut process = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut stdin = process.stdin.take().expect("it is piped");
        let mut stdout = BufReader::new(process.stdout.take().expect("it is piped"));
        writeln!(stdin, "{line}")?;
        let mut url = String::new();
        stdout.read_line(&mut url)?;
        match url.trim() {
            "" => Err(format!("{name} did not start, see above").into()),
            url => Ok(Self { url: url.to_owned(), process, stdin, stdout }),
        }
    }

    /// Where it serves.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Ends it: what else it said, and whether that was success.
    pub(crate) fn finish(mut self) -> Result<(String, bool), Box<dyn Error>> {
        drop(self.stdin);
        let mut said = String::new();
        self.stdout.read_to_string(&mut said)?;
        Ok((said, self.process.wait()?.success()))
    }
}
