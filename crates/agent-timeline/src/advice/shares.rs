//! Advice about what takes most of the time.

use std::{collections::HashMap, time::Duration};

use super::{Advice, AdviceKind, Facts, quoted};
use crate::{
    bar::{Bar, BarKind},
    milliseconds::words,
    state::State,
};

/// The least share of the whole time for which there is advice.
const LARGE: f64 = 0.3;

/// The least number of turns in a row with one call each for which there is advice.
const IN_A_ROW: usize = 3;

pub(super) fn of(facts: &Facts<'_>) -> Vec<Advice> {
    let mut advice = slow_tools(facts);
    advice.extend(slow_models(facts));
    advice.extend(small_replies(facts));
    advice
}

/// Tools that take much of the critical path.
fn slow_tools(facts: &Facts<'_>) -> Vec<Advice> {
    let shares = facts.figures.shares.iter().filter(|share| share.part >= LARGE);
    let tools = shares.filter(|share| matches!(share.state, State::Running | State::Delegated));
    let advice = tools.filter_map(|share| {
        let name = share.name.as_deref()?;
        let time = |bar: &Bar| match bar.label == name {
            true => bar.time_in(share.state),
            false => Duration::ZERO,
        };
        let (bars, _) = facts.with_time(time);
        let what = match share.state {
            State::Delegated if facts.bars.iter().any(|bar| bar.label == name && is_agent(bar)) => "One agent,",
            _ => "One tool,",
        };
        let text = format!(
            "{what} {}, is {:.0} % of the critical path ({}): make it faster, or split its work into several calls of \
             one reply, which run in parallel.",
            quoted(name),
            share.part * 100.0,
            words(share.time)
        );
        let gain = facts.gain_of_work(|bar| time(&facts.bars[bar]));
        Some(Advice { kind: AdviceKind::SlowTool, text, name: Some(name.to_owned()), gain, bars })
    });
    advice.collect()
}

/// What models spend much of the critical path on.
fn slow_models(facts: &Facts<'_>) -> Vec<Advice> {
    let shares = facts.figures.shares.iter().filter(|share| share.part >= LARGE);
    let advice = shares.filter_map(|share| {
        let (kind, what, do_it) = match share.state {
            State::FirstToken => (
                AdviceKind::FirstToken,
                "Waiting for the first token of replies",
                "shorten the prompts, keep them in the prompt cache, or use a faster model",
            ),
            State::Thinking => (
                AdviceKind::Thinking,
                "The thinking of models",
                "ask for less thinking, or use a faster model",
            ),
            State::Streaming => {
                (AdviceKind::Streaming, "Writing replies", "ask for shorter replies, or use a faster model")
            }
            _ => return None,
        };
        let (bars, _) = facts.with_time(|bar| bar.time_in(share.state));
        let name = slowest_agent(facts, share.state)?;
        let text = format!(
            "{what} is {:.0} % of the critical path ({}), most of it of {}: {do_it}.",
            share.part * 100.0,
            words(share.time),
            quoted(&name)
        );
        let gain = facts.gain_of_work(|bar| facts.bars[bar].time_in(share.state));
        Some(Advice { kind, text, name: Some(name), gain, bars })
    });
    advice.collect()
}

/// The agent whose model was longest in this state on the critical path.
fn slowest_agent(facts: &Facts<'_>, state: State) -> Option<String> {
    let mut times: HashMap<&str, Duration> = HashMap::new();
    for step in facts.path.iter().filter(|step| step.state == state) {
        *times.entry(&facts.bars[step.bar].agent).or_default() += step.length();
    }
    let slowest = times.into_iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(a.0)));
    slowest.map(|(agent, _)| agent.to_owned())
}

/// Conversations in which many turns in a row made one call each.
fn small_replies(facts: &Facts<'_>) -> Option<Advice> {
    let mut calls: HashMap<usize, usize> = HashMap::new();
    for turn in facts.bars.iter().filter_map(|bar| bar.turn) {
        *calls.entry(turn).or_default() += 1;
    }
    let mut rows: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut longest: Vec<usize> = Vec::new();
    for step in facts.path {
        let Bar { kind: BarKind::Turn, parent: Some(whole), .. } = facts.bars[step.bar] else { continue };
        let row = rows.entry(whole).or_default();
        if row.last() == Some(&step.bar) {
            continue;
        }
        match calls.get(&step.bar) {
            Some(1) => row.push(step.bar),
            _ => row.clear(),
        }
        if row.len() > longest.len() {
            longest.clone_from(row);
        }
    }
    let agent = &facts.bars[*longest.first().filter(|_| longest.len() >= IN_A_ROW)?].agent;
    let text = format!(
        "{} made {} turns in a row with one call each. If these calls don't depend on each other, ask in its system \
         prompt for all of them in one reply: they then run in parallel.",
        quoted(agent),
        longest.len()
    );
    let later = |bar: usize| longest[1..].contains(&bar);
    let gain = facts.gain_of_work(|bar| if later(bar) { facts.bars[bar].length() } else { Duration::ZERO });
    let name = Some(agent.to_string());
    let bars = longest.iter().copied().take(super::MOST_BARS).collect();
    facts.counts(gain).then_some(Advice { kind: AdviceKind::SmallReplies, text, name, gain, bars })
}

/// Whether a call was done by another agent.
fn is_agent(bar: &Bar) -> bool {
    bar.tool.as_deref().is_some_and(|tool| tool != bar.label)
}
