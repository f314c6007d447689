//! What the tools and models of a run did, written by themselves where no crash takes it back.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::Path,
    sync::Arc,
};

use agent_core::{Message, Request, Role, Usage, budget::Usd};

use crate::Done;

/// A file with a line for each call that begins, that ends, and whose result a model reads, with its key, and for each request
/// that a model answers, with its usage.
#[derive(Clone)]
pub struct Log(Arc<File>);

/// A line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The call of this key begins.
    Start(String),
    /// It ends.
    End(String),
    /// A model reads its result.
    Read(String),
    /// A model answers a request, with this usage.
    Answer(Usage),
    /// A model finds that its request is wrong, for this reason.
    Refuse(String),
}

impl Log {
    /// The file at this path; what comes is added to it.
    pub fn open(path: &Path) -> Done<Self> {
        Ok(Self(Arc::new(OpenOptions::new().create(true).append(true).open(path)?)))
    }

    /// See [`Line::Start`].
    pub fn start(&self, key: &str) {
        self.write(&format!("start {key}\n"));
    }

    /// See [`Line::End`].
    pub fn end(&self, key: &str) {
        self.write(&format!("end {key}\n"));
    }

    /// Writes a [`Line::Read`] for each result that is new to the model.
    pub fn read(&self, request: &Request) {
        let new = request.messages.iter().rev().take_while(|message| message.role() == Role::User);
        for message in new {
            let results = message.tool_results().map(|(call, ..)| call.to_owned());
            for call in results.chain(background_call(message)) {
                self.write(&format!("read {}/{call}\n", request.conversation));
            }
        }
    }

    /// See [`Line::Answer`].
    pub fn answer(&self, usage: &Usage) {
        let Usage { input_tokens, output_tokens, cost, .. } = usage;
        self.write(&format!("answer {input_tokens} {output_tokens} {}\n", cost.micros()));
    }

    /// See [`Line::Refuse`].
    pub fn refuse(&self, why: &str) {
        self.write(&format!("refuse {}\n", why.replace('\n', " ")));
    }

    /// In one call of the system, so a line is there or it is not.
    fn write(&self, line: &str) {
        (&*self.0).write_all(line.as_bytes()).expect("without its log, the drill says nothing");
    }
}

/// The id of the background call whose result this message tells.
pub(crate) fn background_call(message: &Message) -> Option<String> {
    let text = message.text();
    let (id, _) = text.strip_prefix("[The background call \"")?.split_once('"')?;
    Some(id.to_owned())
}

/// What was written so far.
pub fn lines(path: &Path) -> Done<Vec<Line>> {
    let text = if path.exists() { fs::read_to_string(path)? } else { String::new() };
    let line = |line: &str| match line.split_once(' ') {
        Some(("answer", usage)) => Ok(Line::Answer(read_usage(usage)?)),
        Some(("refuse", why)) => Ok(Line::Refuse(why.to_owned())),
        Some(("start", key)) => Ok(Line::Start(key.to_owned())),
        Some(("end", key)) => Ok(Line::End(key.to_owned())),
        Some(("read", key)) => Ok(Line::Read(key.to_owned())),
        _ => Err(format!("{}: {line:?} is no line of it", path.display()).into()),
    };
    text.lines().map(line).collect()
}

/// What [`Log::answer`] has written of a usage.
fn read_usage(written: &str) -> Done<Usage> {
    let numbers = written.split(' ').map(str::parse).collect::<Result<Vec<u64>, _>>()?;
    let [input, output, micros] = numbers[..] else { return Err(format!("{written:?} is no usage").into()) };
    let mut usage = Usage::new(input, output);
    usage.cost = Usd::from_micros(micros);
    Ok(usage)
}
