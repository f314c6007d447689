//! What is asked for on the command line.

use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
usage: restate-server up [--nodes 1|3] [--service URI] [--fresh] | down | status   [--folder FOLDER]

  up      starts a Restate server, or three that stand in for each other, installed by npm at first, and goes on from its
          data unless it shall be fresh; makes the services at URI known to it
  down    stops it, and keeps its data
  status  shows where it is

  --folder  where its data is: target/restate/run, unless named
";

/// A task and its options.
#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) task: Task,
    pub(crate) folder: PathBuf,
    /// None: as many as there are data of.
    pub(crate) nodes: Option<usize>,
    pub(crate) service: Option<String>,
    pub(crate) fresh: bool,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Task {
    Up,
    Down,
    Status,
}

impl Options {
    /// None, if they are not of the usage.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let task = match words.next()?.as_str() {
            "up" => Task::Up,
            "down" => Task::Down,
            "status" => Task::Status,
            _ => return None,
        };
        let folder = restate_server::folder().join("run");
        let mut options = Self { task, folder, nodes: None, service: None, fresh: false };
        let up = options.task == Task::Up;
        while let Some(word) = words.next() {
            match word.as_str() {
                "--folder" => options.folder = words.next()?.into(),
                "--nodes" if up => options.nodes = Some(words.next()?.parse().ok()?),
                "--service" if up => options.service = Some(words.next()?),
                "--fresh" if up => options.fresh = true,
                _ => return None,
            }
        }
        Some(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<(Task, Option<usize>, Option<&str>, bool)>) {
        let options = Options::parse(line.split_whitespace().map(str::to_owned));
        let expected = expected.map(|(task, nodes, service, fresh)| Options {
            task,
            folder: "there".into(),
            nodes,
            service: service.map(str::to_owned),
            fresh,
        });
        let at = |options| Options { folder: "there".into(), ..options };
        assert_eq!(options.map(at), expected, "{line}");
    }

    #[test]
    fn options_are_those_of_the_usage() {
        check("up", Some((Task::Up, None, None, false)));
        check("up --nodes 3 --service http://a --fresh", Some((Task::Up, Some(3), Some("http://a"), true)));
        check("down --folder a", Some((Task::Down, None, None, false)));
        check("status", Some((Task::Status, None, None, false)));
        check("", None);
        check("start", None);
        check("up --nodes", None);
        check("up --nodes many", None);
        check("down --fresh", None);
    }
}
