//! Calls with which a model looks after its detached calls.

use std::time::Duration;

use serde::Deserialize;

use crate::{
    Call, Conversation, Outcome, Rules,
    conversation::{Slot, State, summary::excerpt},
    tool_spec::DetachedControl,
};

/// How long a call waits that does not say it, and the longest time.
const USUALLY: f64 = 60.0;
const LONGEST: f64 = 3_600.0;

/// How much of an input is shown.
const SHOWN: usize = 200;

/// What a call does with detached calls, which are named by their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// Says which calls go on; see [`Conversation::check_detached`].
    Check,
    /// Waits until one of these calls has ended, but not longer than the limit; see
    /// [`Conversation::waited_for`].
    Wait {
        /// The calls.
        calls: Vec<String>,
        /// The longest time.
        limit: Duration,
    },
    /// Stops these calls.
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
    /// What a call does with the detached calls of this conversation. The error is its result, if
    /// that can't be done. `None` if it is a call of an ordinary tool.
    pub fn control(&self, call: &Call, rules: &dyn Rules) -> Option<Result<Control, Outcome>> {
        let kind = rules.spec(&call.agent, &call.call.name)?.controls_detached?;
        (!rules.limits().is_beyond(call.place)).then(|| self.read_control(kind, call).map_err(Outcome::error))
    }

    fn read_control(&self, kind: DetachedControl, call: &Call) -> Result<Control, String> {
        let input: Input = call.call.input.parse().map_err(|error| format!("invalid input: {error}"))?;
        if kind == DetachedControl::Check {
            return Ok(Control::Check);
        }
        let all = || self.detached.going_on.iter().map(|slot| slot.call.id.clone()).collect();
        let calls: Vec<String> = input.calls.unwrap_or_else(all);
        if let Some(unknown) = calls.iter().find(|call| !self.is_detached(call)) {
            let known: Vec<String> = all();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(format!(
                "no background call {unknown:?} goes on: it has ended, or there is none; those that go on: {known}"
            ));
        }
        if calls.is_empty() {
            return Err("no background call goes on".to_owned());
        }
        match kind {
            DetachedControl::Stop => Ok(Control::Stop { calls }),
            _ => match input.seconds.unwrap_or(USUALLY) {
                seconds if seconds >= 0.0 => {
                    Ok(Control::Wait { calls, limit: Duration::from_secs_f64(seconds.min(LONGEST)) })
                }
                _ => Err("invalid input: \"seconds\" must not be negative".to_owned()),
            },
        }
    }

    /// The result of [`Control::Check`].
    pub fn check_detached(&self) -> Outcome {
        match self.detached.going_on.is_empty() {
            true => Outcome::output("No background call goes on."),
            false => Outcome::output(self.detached.going_on.iter().map(line).collect::<Vec<_>>().join("\n")),
        }
    }

    /// The result of [`Control::Wait`]. `over` are those of its calls that have ended.
    pub fn waited_for(over: &[String]) -> Outcome {
        match over {
            [] => Outcome::output("None of them has ended in this time."),
            over => Outcome::output(format!("Over: {}. You are told how after this.", over.join(", "))),
        }
    }

    /// The result of [`Control::Stop`].
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
