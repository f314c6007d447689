//! Calls with which a model looks after its detached calls.

use std::time::Duration;

use serde::Deserialize;

use crate::{
    Conversation, Outcome, ToolCall,
    conversation::{Control, Slot, State, summary::excerpt},
};

/// How long a call waits that does not say it, and the longest time.
const USUALLY: f64 = 60.0;
const LONGEST: f64 = 3_600.0;

/// How much of an input is shown.
const SHOWN: usize = 200;

/// A [`Control`] with the calls that it is about.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum ControlTask {
    /// The call has this result.
    Done(Outcome),
    /// Wait until one of these calls has ended, but not longer than the limit. The result is
    /// [`Conversation::waited_for`].
    Wait {
        /// The calls.
        calls: Vec<String>,
        /// The longest time.
        limit: Duration,
    },
    /// Stop these calls. The result is [`Conversation::stopping`].
    Stop {
        /// The calls.
        calls: Vec<String>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    calls: Option<Vec<String>>,
    seconds: Option<f64>,
}

impl Conversation {
    /// What a call with the outcome [`Outcome::Control`] asks its host to do.
    pub fn control(&self, control: Control, call: &ToolCall) -> ControlTask {
        self.read_control(control, call).unwrap_or_else(|why| ControlTask::Done(Outcome::error(why)))
    }

    fn read_control(&self, control: Control, call: &ToolCall) -> Result<ControlTask, String> {
        let input: Input = call.input.parse().map_err(|error| format!("invalid input: {error}"))?;
        if control == Control::Check {
            return Ok(ControlTask::Done(self.check_detached()));
        }
        let all = || self.detached_calls().map(|call| call.id.clone()).collect();
        let known: Vec<String> = all();
        if known.is_empty() {
            return Err("no background call goes on".to_owned());
        }
        let mut calls: Vec<String> = input.calls.unwrap_or_else(all);
        calls.sort();
        calls.dedup();
        if let Some(unknown) = calls.iter().find(|call| !self.is_detached(call)) {
            return Err(format!(
                "no background call {unknown:?} goes on: it has ended, or there is none; those that go on: {}",
                known.join(", ")
            ));
        }
        match (control, input.seconds.unwrap_or(USUALLY)) {
            _ if calls.is_empty() => {
                Err("\"calls\" is empty: name a background call, or leave \"calls\" out to mean all"
                    .to_owned())
            }
            (Control::Stop, _) => Ok(ControlTask::Stop { calls }),
            (_, seconds) if seconds >= 0.0 => {
                Ok(ControlTask::Wait { calls, limit: Duration::from_secs_f64(seconds.min(LONGEST)) })
            }
            _ => Err("invalid input: \"seconds\" must not be negative".to_owned()),
        }
    }

    fn check_detached(&self) -> Outcome {
        match self.detached.going_on.is_empty() {
            true => Outcome::output("No background call goes on."),
            false => Outcome::output(self.detached.going_on.iter().map(line).collect::<Vec<_>>().join("\n")),
        }
    }

    /// The result of [`ControlTask::Wait`]. `over` are those of its calls that have ended, and `waiting`
    /// those that wait for a person.
    pub fn waited_for(over: &[String], waiting: &[String]) -> Outcome {
        let person = match waiting {
            [] => String::new(),
            waiting => format!(" Waiting for a person: {}.", waiting.join(", ")),
        };
        Outcome::output(match over {
            [] => format!("None of them has ended in this time.{person}"),
            over => format!("Over: {}. You are told how after this.{person}", over.join(", ")),
        })
    }

    /// The result of [`ControlTask::Stop`].
    pub fn stopping(calls: &[String]) -> Outcome {
        Outcome::output(format!("Being stopped: {}. You will be told how they ended.", calls.join(", ")))
    }
}

fn line(slot: &Slot) -> String {
    let how = match &slot.state {
        State::Delegated(child) if !child.waiting().is_empty() => "waits for a person",
        _ => "goes on",
    };
    format!("{} {} {}: {how}", slot.call.id, slot.call.name, excerpt(slot.call.input.text(), SHOWN))
}
