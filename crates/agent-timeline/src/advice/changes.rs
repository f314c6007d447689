//! Advice about what waited, and need not.

use std::{collections::BTreeSet, time::Duration};

use super::{Advice, AdviceKind, Facts, MOST_BARS, ends_earlier, quoted};
use crate::{bar::Bar, figures::most_calls, milliseconds::words, state::State};

pub(super) fn of(facts: &Facts<'_>) -> Vec<Advice> {
    let mut advice = read_only(facts);
    advice.extend(permits(facts));
    advice.extend(turns(facts));
    advice.extend(one_by_one(facts));
    advice.extend(wait(facts, State::Gate, AdviceKind::RateLimit, |time, gain| {
        format!(
            "The gate held requests back {}: the rate limit of the account is the bottleneck. Ask for a higher limit, \
             or send fewer tokens: without these waits {}.",
            words(time),
            ends_earlier(gain)
        )
    }));
    advice.extend(wait(facts, State::Retry, AdviceKind::Retries, |time, gain| {
        format!(
            "Requests failed and waited {} to be made again: without these pauses {}. The panel of each says why.",
            words(time),
            ends_earlier(gain)
        )
    }));
    advice.extend(wait(facts, State::Person, AdviceKind::People, |time, gain| {
        format!(
            "Calls waited {} for a person: without these waits {}. Approve kinds of calls in advance where that is safe.",
            words(time),
            ends_earlier(gain)
        )
    }));
    advice.extend(failures(facts));
    advice
}

/// Advice about one kind of wait.
fn wait(
    facts: &Facts<'_>,
    state: State,
    kind: AdviceKind,
    text: impl Fn(Duration, Duration) -> String,
) -> Option<Advice> {
    let (bars, time) = facts.with_time(|bar| bar.time_in(state));
    let waits = |bar: usize| facts.bars[bar].time_in(state);
    let gain = match state {
        // Who waited for a call does not wait for its end any more.
        State::Permit | State::Exclusive => facts.gain(waits),
        _ => facts.gain_of_work(waits),
    };
    facts.counts(gain).then(|| Advice { kind, text: text(time, gain), name: None, gain, bars })
}

/// Tools whose calls could have started while the reply still streamed.
fn read_only(facts: &Facts<'_>) -> Vec<Advice> {
    let by =
        |bar: &Bar| bar.could_start.map_or(Duration::ZERO, |could| bar.run_start().saturating_sub(could));
    let tools = facts.most(facts.bars.iter().map(|bar| (tool(bar), by(bar))));
    let advice = tools.into_iter().map(|name| {
        let of_tool = |bar: &Bar| if tool(bar) == name { by(bar) } else { Duration::ZERO };
        let (bars, _) = facts.with_time(of_tool);
        let most = bars.first().map_or(Duration::ZERO, |&bar| by(&facts.bars[bar]));
        let gain = facts.gain(|bar| of_tool(&facts.bars[bar]));
        let effect = match facts.counts(gain) {
            true => format!(", and {}", ends_earlier(gain)),
            false => ", though other calls take as long".to_owned(),
        };
        let text = format!(
            "Mark {} read_only if it has no effects: it starts {} earlier{effect}.",
            quoted(name),
            words(most)
        );
        Advice { kind: AdviceKind::ReadOnly, text, name: Some(name.to_owned()), gain, bars }
    });
    advice.collect()
}

/// Calls that waited for permits.
fn permits(facts: &Facts<'_>) -> Option<Advice> {
    wait(facts, State::Permit, AdviceKind::Permits, |time, gain| {
        let waited = |bar: &&Bar| !bar.time_in(State::Permit).is_zero();
        let tools: BTreeSet<&str> = facts.bars.iter().filter(waited).map(tool).collect();
        let most = facts.figures.most_calls.max(1);
        let of_tool = tools.first().map(|name| (name, most_calls(facts.bars, |bar| tool(bar) == *name)));
        let what = match of_tool {
            // Calls of other tools ran meanwhile, so the limit is the tool's own.
            Some((name, of_tool)) if tools.len() == 1 && of_tool < most => {
                format!("the permits of {} from {of_tool}", quoted(name))
            }
            Some((name, _)) if tools.len() == 1 => {
                format!("calls_at_once (or the permits of {}) from {most}", quoted(name))
            }
            _ => format!("calls_at_once from {most}"),
        };
        format!(
            "Raise {what}: calls waited {} for permits. Without these waits {}.",
            words(time),
            ends_earlier(gain)
        )
    })
}

/// Tools whose calls take turns, by the tool that was waited for.
fn turns(facts: &Facts<'_>) -> Vec<Advice> {
    let holder = |bar: &Bar| bar.held_by.map(|holder| tool(&facts.bars[holder]));
    let waits = |bar: &Bar| bar.time_in(State::Exclusive);
    let names = facts.most(facts.bars.iter().map(|bar| {
        let holder = bar.held_by.map_or(bar, |holder| &facts.bars[holder]);
        (tool(holder), waits(bar))
    }));
    let advice = names.into_iter().map(|name| {
        let is_held = |bar: &Bar| holder(bar).map_or(tool(bar) == name, |holder| holder == name);
        let of_name = |bar: &Bar| if is_held(bar) { waits(bar) } else { Duration::ZERO };
        let gain = facts.gain(|place| of_name(&facts.bars[place]));
        let (bars, time) = facts.with_time(of_name);
        let text = format!(
            "{} calls take turns: calls waited {} for them. If only calls with equal inputs disturb each other, use \
             exclusive_by with the field that tells them apart: {}.",
            quoted(name),
            words(time),
            ends_earlier(gain)
        );
        Advice { kind: AdviceKind::TakeTurns, text, name: Some(name.to_owned()), gain, bars }
    });
    advice.filter(|advice| facts.counts(advice.gain)).collect()
}

/// Calls that ran one after another although nothing made them.
fn one_by_one(facts: &Facts<'_>) -> Option<Advice> {
    let late = facts.what_if.one_by_one(facts.bars);
    let gain = facts.gain(|bar| late.get(&bar).copied().unwrap_or_default());
    let mut bars: Vec<usize> = late.keys().copied().collect();
    bars.sort_by_key(|bar| (std::cmp::Reverse(late[bar]), *bar));
    bars.truncate(MOST_BARS);
    let text = format!(
        "Calls of one reply ran one after another. In parallel (Mode::Concurrent, the default) {}.",
        ends_earlier(gain)
    );
    let kind = AdviceKind::OneByOne;
    facts.counts(gain).then_some(Advice { kind, text, name: None, gain, bars })
}

/// Attempts that failed.
fn failures(facts: &Facts<'_>) -> Vec<Advice> {
    let lost = |bar: &Bar| bar.time_in(State::Failed);
    let names = facts.most(facts.bars.iter().map(|bar| (name(bar), lost(bar))));
    let advice = names.into_iter().map(|of| {
        let of_name = |bar: &Bar| if name(bar) == of { lost(bar) } else { Duration::ZERO };
        let (bars, time) = facts.with_time(of_name);
        let gain = facts.gain_of_work(|bar| of_name(&facts.bars[bar]));
        let is_tool = facts.bars[bars[0]].tool.is_some();
        let what = if is_tool { quoted(of) } else { format!("The model of {}", quoted(of)) };
        let text = format!(
            "{what} failed {}: {} were lost. Without that {}.",
            times(bars.len()),
            words(time),
            ends_earlier(gain)
        );
        Advice { kind: AdviceKind::Failures, text, name: Some(of.to_owned()), gain, bars }
    });
    advice.filter(|advice| facts.counts(advice.gain)).collect()
}

fn times(many: usize) -> String {
    match many {
        1 => "once".to_owned(),
        _ => format!("{many} times"),
    }
}

fn tool(bar: &Bar) -> &str {
    bar.tool.as_deref().unwrap_or(&bar.label)
}

/// The tool of a call, or the agent of a turn.
fn name(bar: &Bar) -> &str {
    bar.tool.as_deref().unwrap_or(&bar.agent)
}
