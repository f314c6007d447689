//! However the text of a plan is split and paced, its conversation is the same.

use agent_core::{Cancel, Conversation, StopReason, tool::Early};
use agent_tools::PlanTool;
use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::{Value, json};

use crate::{Count, Paused, builder, call, ending, model, team, told};

/// A step, with what it needs of other steps.
#[derive(Clone, Debug)]
pub(crate) struct AnyStep {
    tool: &'static str,
    ms: u64,
    fail: bool,
    needs: Vec<(Need, Index)>,
}

#[derive(Clone, Copy, Debug)]
enum Need {
    Result,
    Text,
    Either,
    After,
    Failure,
    Items,
}

pub(crate) fn any_step() -> impl Strategy<Value = AnyStep> {
    use Need::*;
    let tool = prop::sample::select(vec!["look", "look", "look", "twin", "twin", "act", "alone"]);
    let need = prop::sample::select(vec![Result, Text, Either, After, Failure, Items]);
    let needs = vec((need, any::<Index>()), 0..3);
    (tool, 0_u64..200, prop::bool::weighted(0.2), needs).prop_map(|(tool, ms, fail, needs)| AnyStep {
        tool,
        ms,
        fail,
        needs,
    })
}

/// The steps as JSON, of which the first `ids` have ids of their own. Mostly a step needs steps before
/// it, so that the plan can be carried out.
pub(crate) fn written_steps(steps: &[AnyStep], names_later_ones: bool, ids: usize) -> String {
    let id = |number: usize| format!("s{}", number % ids);
    let written = steps.iter().enumerate().map(|(number, step)| {
        let others = if names_later_ones { steps.len() } else { number };
        let mut input = json!({"say": {"é\"]},{\\": number % 2}, "ms": step.ms, "fail": step.fail});
        let mut fields = json!({"id": id(number), "tool": step.tool});
        for (need, other) in step.needs.iter().filter(|_| others > 0) {
            let other = id(other.index(others));
            let from = json!({"$from": other});
            match need {
                Need::Result => input["say"] = from,
                Need::Text => input["say"] = json!({"$text": ["🦀 ", from]}),
                Need::Either => input["say"] = json!({"$from": [other, id(0)]}),
                Need::After => fields["after"] = json!([other]),
                Need::Failure => fields["if_failed"] = json!(other),
                Need::Items => {
                    fields["for_each"] = json!([1, from]);
                    input["say"] = json!({"$item": ""});
                }
            }
        }
        fields["input"] = input;
        fields
    });
    let steps: Vec<Value> = written.collect();
    format!("\"steps\": {}", json!(steps))
}

/// The plan as JSON.
fn written(steps: &[AnyStep], names_later_ones: bool, result: Option<bool>) -> String {
    let steps = written_steps(steps, names_later_ones, usize::MAX);
    let shown = r#""result": {"first": {"$from": "s0"}, "steps": [{"id": "s0"}]}"#;
    match result {
        None => format!("{{{steps}}}"),
        Some(true) => format!("{{{shown}, {steps}}}"),
        Some(false) => format!("{{{steps}, {shown}}}"),
    }
}

/// The call whose text comes in these parts, each with its pause.
pub(crate) fn streamed(text: &str, places: &[(Index, u64)]) -> Vec<Paused> {
    let mut ends: Vec<(usize, u64)> =
        places.iter().map(|(place, pause)| (place.index(text.len() + 1), *pause)).collect();
    ends.retain(|(end, _)| text.is_char_boundary(*end));
    ends.push((text.len(), 0));
    ends.sort_unstable();
    let starts = std::iter::once(0).chain(ends.iter().map(|(end, _)| *end));
    let pieces: Vec<&str> = starts.zip(&ends).map(|(start, (end, _))| &text[start..*end]).collect();
    let mut reply = call(0, "p", &pieces);
    reply[1..].iter_mut().zip(&ends).for_each(|((pause, _), (_, wanted))| *pause = *wanted);
    reply
}

/// Runs the reply, and returns the conversation and how many calls were made and have ended.
fn run(call: Vec<Paused>, early: Early) -> (String, Conversation, [usize; 2]) {
    let reply = ending(call, StopReason::ToolUse);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let count = Count::default();
        let team = team(builder(model([reply]), &count).early(early).tool(PlanTool::new()));
        let (lines, conversation) = told(&team, &Cancel::new()).await;
        (lines, conversation, [count.made(), count.ended()])
    })
}

proptest! {
    #[test]
    fn a_plan_is_the_same_however_its_text_is_split(
        steps in vec(any_step(), 1..7),
        names_later_ones in prop::bool::weighted(0.3),
        result in any::<Option<bool>>(),
        places in vec((any::<Index>(), 0_u64..300), 0..12),
    ) {
        let text = written(&steps, names_later_ones, result);
        let (_, whole, made) = run(streamed(&text, &[]), Early::Never);
        let (lines, split, split_made) = run(streamed(&text, &places), Early::ReadOnly);
        prop_assert_eq!(&split, &whole, "{}", lines);
        if !lines.contains("the plan is not carried out") {
            prop_assert_eq!(split_made, made, "{}\n{}", lines, split);
        }
    }
}
