//! A process that is killed at a given moment, unless it ends before.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use drill::{Attempt, Done};

use crate::{run::OPEN, soak::ASKED};

/// When a process is killed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    /// Not at all.
    Never,
    /// So long after its start.
    After(Duration),
    /// So long after it has made so many requests.
    Asked(usize, Duration),
}

/// Starts this program with these arguments, and kills it at this moment.
pub(crate) fn attempt(arguments: &[&str], moment: Moment) -> Done<Attempt> {
    let began = Instant::now();
    let mut command = std::process::Command::new(std::env::current_exe()?);
    let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let said = listen(&mut child, began);
    let (mut open, mut killed, mut asked) = (None, false, 0);
    let mut after = match moment {
        Moment::After(after) => Some(after),
        _ => None,
    };
    loop {
        let heard = match after.map(|after| after.saturating_sub(began.elapsed())) {
            Some(left) => said.recv_timeout(left),
            None => said.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match heard {
            Ok(Said::Open(at)) => open = Some(at),
            Ok(Said::Asked(at)) => {
                asked += 1;
                if let Moment::Asked(requests, wait) = moment {
                    after = (asked >= requests).then_some(at + wait);
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                // It may have ended this instant; then its status says so.
                child.kill()?;
                killed = true;
                break;
            }
        }
    }
    let status = child.wait()?;
    Ok(Attempt {
        killed: killed && !status.success(),
        succeeded: status.success(),
        open,
        took: began.elapsed(),
    })
}

/// What a process says, and when.
enum Said {
    Open(Duration),
    Asked(Duration),
}

/// What it says; it ends with the process's output.
fn listen(child: &mut Child, began: Instant) -> Receiver<Said> {
    let (sender, said) = mpsc::channel();
    let output = child.stdout.take().expect("its output is piped");
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let said = match line.as_str() {
                OPEN => Said::Open(began.elapsed()),
                ASKED => Said::Asked(began.elapsed()),
                _ => continue,
            };
            // Who asked may have killed it, and not wait any more.
            let _ = sender.send(said);
        }
    });
    said
}
