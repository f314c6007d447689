//! Events of the crate `tracing`, made from the events of runs.

use agent_core::{Delta, End, Event, EventKind, model::Notice};
use tracing::{Level, event};

use crate::stop_word::stop_word;

/// Returns a listener that emits an event of the crate [`tracing`] for each event of a run that is
/// worth a line. It needs no layer: any subscriber shows them. What was said is never in them.
///
/// | target | what it tells | level |
/// |---|---|---|
/// | `agent::run` | a conversation ended | info |
/// | `agent::turn` | a model is asked, replied, failed | debug, info, warn |
/// | `agent::call` | a tool is called, waits, ended, failed | debug, info, warn |
/// | `agent::request` | a request is sent, waits, is made again; what was left out | debug, info, warn |
/// | `agent::transfer` | a conversation is transferred, comes back, is delegated | info, warn |
///
/// Each has the fields `conversation` and `agent`, and `at_ms`: the milliseconds since the run
/// began. These are events, not spans: the crate `tracing` has no way to give a span its parent and
/// its times later. Use [`Traces`](crate::Traces) for spans.
///
/// ```
/// # use agent_core::{Agent, Conversation, Team, script::{Reply, Script}};
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// # let team = Team::new([Agent::builder("guide", Script::new([Reply::text("Hi.")])).build()?])?;
/// # let mut conversation = Conversation::start("guide", "Hi.");
/// team.run(&mut conversation).listen(agent_otel::tracing_listener()).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn tracing_listener() -> impl Fn(&Event) + Send + Sync + Clone + use<> {
    |event| {
        if let EventKind::Delta(delta) = &event.kind {
            return tell_delta(event, delta);
        }
        tell_turn(event);
        tell_call(event);
        tell_transfer(event);
    }
}

/// An event with the fields that all have.
macro_rules! tell {
    ($target:literal, $level:ident, $event:ident, $($rest:tt)*) => {
        event!(
            target: $target,
            Level::$level,
            at_ms = $event.at.as_secs_f64() * 1e3,
            conversation = &*$event.conversation,
            agent = &*$event.agent,
            $($rest)*
        )
    };
}

/// An event about a call.
macro_rules! tell_call {
    ($level:ident, $event:ident, $id:ident, $tool:ident, $($rest:tt)*) => {
        tell!("agent::call", $level, $event, id = &**$id, tool = &**$tool, $($rest)*)
    };
}

fn tell_turn(event: &Event) {
    match &event.kind {
        EventKind::TurnStarted { .. } => tell!("agent::turn", DEBUG, event, "asks its model"),
        EventKind::TurnEnded { stop_reason, calls, usage, model, .. } => tell!(
            "agent::turn",
            INFO,
            event,
            model = model.as_deref(),
            stop_reason = stop_word(stop_reason),
            calls,
            input_tokens = usage.all_input_tokens(),
            output_tokens = usage.output_tokens,
            cost_micro_usd = usage.cost.micros(),
            "has its reply"
        ),
        EventKind::TurnFailed { error, .. } => {
            tell!("agent::turn", WARN, event, error = error.as_str(), "has no reply");
        }
        EventKind::Ended(end) => tell!("agent::run", INFO, event, end = word(end), "ended"),
        _ => {}
    }
}

fn word(end: &End) -> &'static str {
    match end {
        End::Answered(_) => "answered",
        End::Waiting(_) => "waiting",
        End::Cut(_) => "cut",
        End::Refused(_) => "refused",
        End::TurnLimit(_) => "turn_limit",
        End::Budget(_) => "budget",
        _ => "other",
    }
}

fn tell_call(event: &Event) {
    match &event.kind {
        EventKind::CallQueued { id, tool, why } => {
            tell_call!(DEBUG, event, id, tool, why = ?why, "waits for other calls");
        }
        EventKind::CallStarted { id, tool, .. } => {
            tell_call!(DEBUG, event, id, tool, "starts")
        }
        EventKind::PlanStarted { id, tool } => {
            tell_call!(DEBUG, event, id, tool, "has a first step that starts");
        }
        EventKind::CallCouldStartEarlier { id, tool, by } => {
            let by_ms = by.as_secs_f64() * 1e3;
            tell_call!(INFO, event, id, tool, by_ms, "could have started earlier");
        }
        EventKind::CallEnded { id, tool, is_error: false, .. } => {
            tell_call!(INFO, event, id, tool, "ended");
        }
        EventKind::CallEnded { id, tool, .. } => {
            tell_call!(WARN, event, id, tool, "failed")
        }
        EventKind::CallNotMade { id, tool, why } => {
            tell_call!(WARN, event, id, tool, why = why.as_str(), "is not made");
        }
        EventKind::CallGoesOn { id, tool, why } => {
            tell_call!(WARN, event, id, tool, why = why.as_str(), "goes on");
        }
        EventKind::CallDetached { id, tool } => {
            tell!("agent::call", INFO, event, id = &**id, tool = &**tool, "goes on in the background");
        }
        EventKind::CallDiscarded { id, tool } => {
            tell_call!(WARN, event, id, tool, "ran early for a reply that does not count");
        }
        EventKind::CallWaiting { id, key, .. } => {
            tell!("agent::call", INFO, event, id = &**id, key = key.as_str(), "waits for a person")
        }
        _ => {}
    }
}

fn tell_transfer(event: &Event) {
    match &event.kind {
        EventKind::Delegated { id, to, .. } => {
            tell!("agent::transfer", INFO, event, id = &**id, to = to.as_str(), "delegates a task");
        }
        EventKind::Transferred { from } => {
            tell!("agent::transfer", INFO, event, from = from.as_str(), "takes over");
        }
        // Why may be the words of a model that refused. A request that failed has a line of its own.
        EventKind::TransferFailed { from, .. } => {
            tell!("agent::transfer", WARN, event, from = from.as_str(), "does not take over");
        }
        EventKind::CameBack { from, .. } => {
            tell!("agent::transfer", WARN, event, from = from.as_str(), "has it back");
        }
        _ => {}
    }
}

fn tell_delta(event: &Event, delta: &Delta) {
    match delta {
        Delta::Notice(notice) => tell_notice(event, notice),
        // A guard that wants another reply says why, in words about the reply.
        Delta::Restarted { .. } => tell!("agent::request", WARN, event, "starts its reply again"),
        _ => {}
    }
}

fn tell_notice(event: &Event, notice: &Notice) {
    match notice {
        Notice::Sent { provider, model, server } => {
            let (provider, model, server) = (provider.as_str(), model.as_str(), server.as_deref());
            tell!("agent::request", DEBUG, event, provider, model, server, "sends its request");
        }
        Notice::Wait { wait, reason } => {
            let wait_ms = wait.as_secs_f64() * 1e3;
            tell!("agent::request", INFO, event, wait_ms, why = reason.as_str(), "waits");
        }
        Notice::Retry { attempt, wait, reason } => {
            let wait_ms = wait.as_secs_f64() * 1e3;
            tell!("agent::request", WARN, event, attempt, wait_ms, why = reason.as_str(), "asks again");
        }
        Notice::Omitted { parts } => {
            tell!("agent::request", INFO, event, parts = parts.join("; "), "leaves out or cuts");
        }
        Notice::Compacted { messages, tokens, .. } => {
            tell!("agent::request", INFO, event, messages, tokens, "sends a summary");
        }
        Notice::NotCompacted { reason } => {
            tell!("agent::request", WARN, event, why = reason.as_str(), "has no summary");
        }
        Notice::Guard { guard, did } => {
            tell!("agent::request", INFO, event, guard = guard.as_str(), did = did.as_str(), "was guarded");
        }
        Notice::Budget { message } => {
            tell!("agent::request", WARN, event, budget = message.as_str(), "has little budget left");
        }
        _ => {}
    }
}
