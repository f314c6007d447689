//! The driver: starts the server and the clients, in turn, and takes medians.

use std::{
    env,
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Instant,
};

use crate::{
    Done,
    client::Sample,
    command_line::Measured,
    report::{Figure, Report},
    row::{Goal, MACHINE, PARTS, Part, Row, START},
};

/// Pairs of measurements of which the median counts, and with `--quick`.
const PAIRS: [usize; 2] = [7, 1];

/// Measures the rows that are named, or all, and reports.
pub(crate) fn run(Measured { rows: wanted, quick, json }: &Measured) -> Done {
    let quick = usize::from(*quick);
    let is_wanted = |key: &str| wanted.is_empty() || wanted.iter().any(|row| row == key);
    let mut report = Report::begin(PAIRS[quick]);
    let server = Server::start()?;
    for part in PARTS.iter().filter(|part| part.rows.iter().any(|row| is_wanted(row.key))) {
        let pairs = pairs(part, &server.url, quick)?;
        part.rows.iter().for_each(|row| report.add(figure(row, &pairs)));
    }
    if is_wanted(START.key) {
        let pairs = (0..PAIRS[quick] * 3).map(|_| start().map(|[ours, floor]| (ours, floor)));
        report.add(figure(&START, &pairs.collect::<Done<Vec<_>>>()?));
    }
    if MACHINE.iter().any(|(key, _)| is_wanted(key)) {
        machine(&mut report)?;
    }
    if wanted.is_empty() {
        report.end(*json);
    }
    Ok(())
}

/// Measurements of ours and of the floor, one after the other, so that what else the machine does slows both.
fn pairs(part: &Part, url: &str, quick: usize) -> Done<Vec<(Sample, Sample)>> {
    let conversations = part.conversations[quick].to_string();
    let measure = |side: &str| -> Done<Sample> {
        let mut client = itself();
        if part.on_one_worker {
            client.env("TOKIO_WORKER_THREADS", "1");
        }
        let output = client.args(["client", side, part.job, url, &conversations]).output()?;
        if !output.status.success() {
            return Err(format!("{} of {side}: {}", part.job, String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    };
    let pair = |_| {
        let floor = if part.beside_floor { measure("floor")? } else { Sample::default() };
        Ok((measure("ours")?, floor))
    };
    (0..PAIRS[quick]).map(pair).collect()
}

fn figure(row: &Row, pairs: &[(Sample, Sample)]) -> Figure {
    let figures = pairs.iter().map(|(ours, floor)| (row.figure)(ours, floor));
    let per_turn = |sample: &Sample| match sample.turns {
        0 => sample.wall * 1e3,
        turns => sample.cpu * 1e3 / turns as f64,
    };
    let [ours, floor] = [
        median(pairs.iter().map(|(ours, _)| per_turn(ours))),
        median(pairs.iter().map(|(_, floor)| per_turn(floor))),
    ];
    Figure { key: row.key, what: row.what, goal: row.goal, value: median(figures), ours, floor }
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// How long a process of each side takes to say its first word, to a listener of the driver's own.
fn start() -> Done<[Sample; 2]> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    let first = |side: &str| -> Done<Sample> {
        let begun = Instant::now();
        let child = itself().args(["client", side, "start", &url, "1"]).stderr(Stdio::null()).spawn()?;
        let _stop = Stop(child);
        let (mut stream, _) = listener.accept()?;
        stream.read_exact(&mut [0])?;
        Ok(Sample { wall: begun.elapsed().as_secs_f64(), ..Sample::default() })
    };
    let floor = first("floor")?;
    Ok([first("ours")?, floor])
}

/// What the program `machine`, which lies beside this one, says.
fn machine(report: &mut Report) -> Done {
    let output = Command::new(env::current_exe()?.with_file_name("machine")).output()?;
    let said: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    for (key, what) in MACHINE {
        let value = said[key].as_f64().ok_or_else(|| format!("machine did not say {key}"))?;
        report.add(Figure { key, what, goal: Goal::Said, value, ours: 0.0, floor: 0.0 });
    }
    Ok(())
}

fn itself() -> Command {
    let path = env::current_exe().unwrap_or_else(|_| PathBuf::from("bench"));
    Command::new(path)
}

/// The server, in a process of its own.
struct Server {
    url: String,
    _stop: Stop,
}

impl Server {
    fn start() -> Done<Self> {
        let mut child = itself().arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let said = child.stdout.take().ok_or("the server says nothing")?;
        let (mut url, _stop) = (String::new(), Stop(child));
        BufReader::new(said).read_line(&mut url)?;
        Ok(Self { url: url.trim().to_owned(), _stop })
    }
}

/// Stops a process when it is dropped.
struct Stop(Child);

impl Drop for Stop {
    fn drop(&mut self) {
        // An error is that it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
