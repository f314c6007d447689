//! A process that is killed at a given moment, unless it ends before.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use drill::{Attempt, Done};

use crate::run::OPEN;

/// Starts this program with these arguments, and kills it after so long.
pub(crate) fn attempt(arguments: &[&str], after: Option<Duration>) -> Done<Attempt> {
    let began = Instant::now();
    let mut command = std::process::Command::new(std::env::current_exe()?);
    let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let said = listen(&mut child, began);
    let (mut open, mut killed) = (None, false);
    loop {
        let heard = match after.map(|after| after.saturating_sub(began.elapsed())) {
            Some(left) => said.recv_timeout(left),
            None => said.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match heard {
            Ok(at) => open = Some(at),
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

/// When it says that it is open; it ends with the process's output.
fn listen(child: &mut Child, began: Instant) -> Receiver<Duration> {
    let (sender, said) = mpsc::channel();
    let output = child.stdout.take().expect("its output is piped");
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if line == OPEN {
                // Who asked may have killed it, and not wait any more.
                let _ = sender.send(began.elapsed());
            }
        }
    });
    said
}
