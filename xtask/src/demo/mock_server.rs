//! What the scripted model says, and how long it takes.

use std::{error::Error, time::Duration};

use agent_core::{
    LlmError, Usage,
    model::LlmErrorKind,
    script::{Reply, Script},
};
use agent_llm::Claude;
use agent_mock::{Mock, RecordedRequest, Scenario};
use serde_json::{Value, json};

use super::{
    Stage,
    cast::{
        ACCOUNTANT, BILLING, CALCULATOR, DESK, GEOMETER, NIGHT_DESK, ORCHESTRATOR, STATISTICIAN, SUPPORT,
        Specialist,
    },
    screen::Screen,
};

/// How long a real model takes for a reply.
pub(super) const LATENCY: Duration = Duration::from_secs(2);

/// A mock server that plays all scenarios, and the real client talking to it.
pub(super) async fn stage(screen: Screen, speed: f64) -> Result<(Mock, Stage), Box<dyn Error>> {
    let latency = latency(speed);
    let paced = |replies: Vec<Reply>| -> Vec<Reply> {
        replies.into_iter().map(|reply| reply.after(latency).usage(Usage::new(400, 60))).collect()
    };
    let parts = chains().into_iter().map(|(specialist, replies)| (specialist.system, paced(replies)));
    let scenario = Scenario::by(move |request| calculator(request).after(latency).usage(Usage::new(300, 40)));
    let scenario = parts.fold(scenario, |scenario, (system, replies)| scenario.and_agent(system, replies));
    let scenario = scenario.and_agent(ORCHESTRATOR, paced(orchestrator()));
    let scenario = office()
        .into_iter()
        .fold(scenario, |scenario, (system, replies)| scenario.and_agent(system, paced(replies)));
    let server = Mock::start(scenario).await?;
    let claude = Claude::builder().base_url(server.url()).key("no key is needed here").build()?;
    Ok((server, Stage { claude, screen, speed: Some(speed), page: false }))
}

/// The orchestrator's and the specialists' parts at the pace of a real model, without a server.
pub(super) fn script() -> Script {
    let specialists = chains().into_iter().map(|(specialist, replies)| (specialist.name, replies));
    let parts = specialists.chain([("orchestrator", orchestrator())]);
    let paced = |replies: Vec<Reply>| replies.into_iter().map(streamed).collect();
    Script::by_agent(parts.map(|(agent, replies)| (agent, paced(replies))))
}

/// A reply that streams: its first piece comes after a third of the time.
fn streamed(reply: Reply) -> Reply {
    let first = LATENCY / 3;
    let pieces = reply.clone().per_token(Duration::from_secs(1)).duration().as_secs();
    let pieces = u32::try_from(pieces).unwrap_or(u32::MAX).max(1);
    reply.after(first).per_token((LATENCY - first) / pieces)
}

/// How long a reply of the scripted model takes.
pub(super) fn latency(speed: f64) -> Duration {
    LATENCY.div_f64(speed)
}

/// The largest sum of latencies scripted for one specialist.
pub(super) fn longest_chain(speed: f64) -> Duration {
    let latency = latency(speed);
    let chain = |replies: Vec<Reply>| replies.into_iter().map(|reply| reply.after(latency).duration()).sum();
    chains().into_iter().map(|(_, replies)| chain(replies)).max().unwrap_or_default()
}

fn call(name: &str, input: Value) -> Reply {
    Reply::call(name, input)
}

/// The specialists' parts: three replies each, two of which call tools.
fn chains() -> Vec<(Specialist, Vec<Reply>)> {
    let square = |number: u32| json!({"base": number, "exponent": 2});
    let numbers = [4, 8, 15, 16, 23, 42];
    let squares = numbers.into_iter().fold(Reply::default(), |reply, n| reply.and_call("power", square(n)));
    vec![
        (
            GEOMETER,
            vec![
                call("multiply_numbers", json!({"numbers": [30, 40]}))
                    .and_call("power", square(30))
                    .and_call("power", square(40)),
                call("square_root", json!({"number": 2500})),
                Reply::text("The area is 1200 m² and the diagonal 50 m."),
            ],
        ),
        (
            ACCOUNTANT,
            vec![
                call("power", json!({"base": 1.05, "exponent": 2}))
                    .and_call("multiply_numbers", json!({"numbers": [8000, 0.05]})),
                call("multiply_numbers", json!({"numbers": [8000, 1.1025]})),
                Reply::text("8,000 grow to 8,820, by 400 in the first year."),
            ],
        ),
        (
            STATISTICIAN,
            vec![
                squares.and_call("sum_numbers", json!({"numbers": numbers})),
                call("divide_numbers", json!({"a": 108, "b": 6}))
                    .and_call("divide_numbers", json!({"a": 2854, "b": 6})),
                Reply::text("The mean is 18 and the mean square 475.67."),
            ],
        ),
    ]
}

fn orchestrator() -> Vec<Reply> {
    let task = |task: &str| json!({"task": task});
    vec![
        Reply::text("Three specialists can work on this in parallel.")
            .and_call(GEOMETER.name, task("Area and diagonal of a field of 30 m by 40 m?"))
            .and_call(ACCOUNTANT.name, task("8,000 at 5 % a year, compounded for 2 years?"))
            .and_call(STATISTICIAN.name, task("Mean and mean square of 4, 8, 15, 16, 23, 42?")),
        Reply::text(
            "The field has 1200 m² and a diagonal of 50 m; the 8,000 grow to 8,820; the numbers have \
             the mean 18 and the mean square 475.67.",
        ),
    ]
}

/// The front desk by day, whose handoff works out; by night support is not there.
fn office() -> Vec<(&'static str, Vec<Reply>)> {
    let handoff = |name: &str, reason: &str| call("handoff", json!({"name": name, "reason": reason}));
    let mut away = LlmError::new(LlmErrorKind::Overloaded, "nobody is here at night");
    away.should_retry = Some(false);
    vec![
        (DESK, vec![handoff("billing", "It is about an invoice.")]),
        (
            BILLING,
            vec![
                call("multiply_numbers", json!({"numbers": [3, 19.5]})),
                Reply::text("Three months are 58.50, so you paid 19.50 too much. It is on its way back."),
            ],
        ),
        (
            NIGHT_DESK,
            vec![
                handoff("support", "The app does not start."),
                Reply::text(
                    "Support is not there right now. Please restart the app; they call you tomorrow.",
                ),
            ],
        ),
        (SUPPORT, vec![Reply::error(away)]),
    ]
}

/// The calculator's replies depend on what it is asked: many calls, or one square.
fn calculator(request: &RecordedRequest) -> Reply {
    let asked = request.body["messages"][0]["content"][0]["text"].as_str().unwrap_or_default();
    debug_assert!(request.body["system"].to_string().contains(&CALCULATOR[..20]));
    let number: Option<u32> = asked.split(' ').find_map(|word| word.parse().ok());
    match (request.turn, number) {
        (0, Some(number)) if asked.ends_with("squared?") => {
            Reply::call("power", json!({"base": number, "exponent": 2}))
        }
        (_, Some(number)) if asked.ends_with("squared?") => {
            Reply::text(format!("{number} squared is {}.", number.pow(2)))
        }
        (0, _) => Reply::call("sum_numbers", json!({"numbers": [17, 25, 58]}))
            .and_call("multiply_numbers", json!({"numbers": [12, 34]}))
            .and_call("divide_numbers", json!({"a": 1, "b": 0}))
            .and_call("square_root", json!({"number": 1764})),
        (_, _) => Reply::text("The sum is 100, the product 408, the root 42; 1 / 0 has no value."),
    }
}
