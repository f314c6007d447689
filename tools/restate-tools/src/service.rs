//! A process that serves, from outside.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use drill::{Done, Tools};
use tokio::sync::watch;

use crate::serve::{OPEN, READY};

/// A process that serves the team, and is killed when this is dropped.
pub(crate) struct Service {
    child: Child,
    began: Instant,
    /// What it has said last.
    said: watch::Receiver<Option<(String, Duration)>>,
}

impl Service {
    /// Starts one, and waits until it can be reached.
    pub(crate) async fn start(address: SocketAddr, log: Option<(&Path, Tools)>) -> Done<Self> {
        let mut command = serve(address)?;
        if let Some((log, tools)) = log {
            command.arg(log).arg(tools.word()).stderr(Stdio::null());
        }
        Self::started(command).await
    }

    /// Starts one that keeps the events of its runs on the engine with this address.
    pub(crate) async fn keeping_events(address: SocketAddr, engine: &str) -> Done<Self> {
        let mut command = serve(address)?;
        command.args(["--events", engine]);
        Self::started(command).await
    }

    async fn started(mut command: Command) -> Done<Self> {
        let began = Instant::now();
        let mut child = command.spawn()?;
        let output = child.stdout.take().expect("its output is piped");
        let (sender, said) = watch::channel(None);
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                sender.send_replace(Some((line, began.elapsed())));
            }
        });
        let service = Self { child, began, said };
        service.says(&[READY, OPEN]).await?;
        Ok(service)
    }

    /// Waits until it goes on with a run; how long that was from its start.
    pub(crate) async fn opens(&self) -> Done<Duration> {
        self.says(&[OPEN]).await
    }

    async fn says(&self, words: &[&str]) -> Done<Duration> {
        let mut said = self.said.clone();
        let heard = |said: &Option<(String, Duration)>| {
            said.as_ref().is_some_and(|(word, _)| words.contains(&word.as_str()))
        };
        let heard = said.wait_for(heard).await.map_err(|_| "the process that serves ended by itself")?;
        Ok(heard.as_ref().map(|(_, at)| *at).unwrap_or_else(|| self.began.elapsed()))
    }
}

fn serve(address: SocketAddr) -> Done<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["serve", &address.to_string()]).stdout(Stdio::piped());
    Ok(command)
}

impl Drop for Service {
    fn drop(&mut self) {
        // SIGKILL; it may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
