//! What agents do, and what is wrong with how it went.

mod judge;

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_core::{Agent, Conversation, End, Event, Llm, RunError, StopReason, Team, Tool};
use agent_tools::{AgentTool, FnTool};
use serde::Deserialize;
use tokio::{sync::Barrier, time::timeout};

/// The longest run.
const LONGEST: Duration = Duration::from_secs(300);

/// How long a call waits for the other two.
const TOGETHER: Duration = Duration::from_secs(60);

/// Enough for three calls.
const MOST_TOKENS: u32 = 150;

/// Not enough for an answer.
const FEW_TOKENS: u32 = 5;

/// What an agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// It calls a tool, reads the result, and answers.
    Loop,
    /// One reply has three calls, which are made at once.
    ThreeAtOnce,
    /// It asks another agent, which calls a tool.
    AgentAsTool,
    /// Its answer is cut.
    Cut,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct City {
    /// The name of the city.
    city: String,
}

impl Act {
    pub(super) const ALL: [Self; 4] = [Self::Loop, Self::ThreeAtOnce, Self::AgentAsTool, Self::Cut];

    /// Does it. What is wrong, a sentence each: the run ends otherwise, has other calls or results, or its replies came
    /// in another way.
    pub(super) async fn findings(self, model: Arc<dyn Llm>, streamed: bool) -> Vec<String> {
        let events = Arc::new(Mutex::new(Vec::new()));
        let ended = match timeout(LONGEST, self.run(model, events.clone())).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(error)) => return vec![error.to_string()],
            Err(_) => return vec![format!("the run did not end in {LONGEST:?}")],
        };
        let events = events.lock().unwrap_or_else(|events| events.into_inner());
        let mut wrong = judge::events(&events, self.calls(), streamed);
        match (self, ended) {
            (Self::Cut, Ok(End::Cut(StopReason::MaxTokens))) => {}
            (Self::Loop | Self::ThreeAtOnce | Self::AgentAsTool, Ok(End::Answered(text))) => {
                wrong.extend(text.trim().is_empty().then(|| "the answer is blank".to_owned()));
            }
            (_, Ok(end)) => wrong.push(format!("the run ended with: {end}")),
            (_, Err(error)) => wrong.push(format!("the run failed: {error}")),
        }
        wrong
    }

    /// The calls that must be made, by tool.
    fn calls(self) -> &'static [&'static str] {
        match self {
            Self::Loop => &["weather"],
            Self::ThreeAtOnce => &["temperature", "temperature", "temperature"],
            Self::AgentAsTool => &["forecaster", "weather"],
            Self::Cut => &[],
        }
    }

    async fn run(
        self,
        model: Arc<dyn Llm>,
        events: Arc<Mutex<Vec<Event>>>,
    ) -> Result<Result<End, RunError>, agent_core::BuildError> {
        let agent = |name: &str| {
            let tokens = if self == Self::Cut { FEW_TOKENS } else { MOST_TOKENS };
            Agent::builder(name, model.clone()).system("You know the weather.").max_tokens(tokens)
        };
        let (question, agents) = match self {
            Self::Loop => ("How is the weather in Oslo?", vec![agent("main").tool(weather())]),
            Self::ThreeAtOnce => {
                ("How warm is it in Oslo, Rome and Lima?", vec![agent("main").tool(temperature())])
            }
            Self::AgentAsTool => {
                let forecaster = AgentTool::new("forecaster", "Knows the weather.");
                let agents = vec![agent("main").tool(forecaster), agent("forecaster").tool(weather())];
                ("Ask how the weather is in Oslo.", agents)
            }
            Self::Cut => ("Tell me a long story about Oslo.", vec![agent("main")]),
        };
        let agents = agents.into_iter().map(|agent| agent.build()).collect::<Result<Vec<_>, _>>()?;
        let team = Team::new(agents)?;
        let mut conversation = Conversation::start("main", question);
        let keep = move |event: &Event| {
            events.lock().unwrap_or_else(|events| events.into_inner()).push(event.clone());
        };
        Ok(team.run(&mut conversation).listen(keep).await)
    }
}

fn weather() -> impl Tool {
    FnTool::new("weather", "The weather in a city.", |City { city }: City| {
        Ok::<_, String>(format!("It is sunny in {city}."))
    })
}

/// Its calls wait for each other, so it fails unless three are made at once.
fn temperature() -> impl Tool {
    let three = Arc::new(Barrier::new(3));
    FnTool::new("temperature", "How warm it is in a city.", move |City { city }: City| {
        let three = three.clone();
        async move {
            match timeout(TOGETHER, three.wait()).await {
                Ok(_) => Ok(format!("It is 20 degrees in {city}.")),
                Err(_) => Err(format!("the other two calls were not made in {TOGETHER:?}")),
            }
        }
    })
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loop => "a loop with a tool",
            Self::ThreeAtOnce => "three calls at once",
            Self::AgentAsTool => "an agent as a tool",
            Self::Cut => "an answer cut at `max_tokens`",
        })
    }
}

#[cfg(test)]
mod tests {
    use agent_core::{
        Usage,
        script::{Reply, Script},
    };
    use agent_mock::{Mock, Scenario};
    use serde_json::json;

    use super::*;
    use crate::foreign::wire::Wire;

    fn counted(replies: impl IntoIterator<Item = Reply>) -> Vec<Reply> {
        replies.into_iter().map(|reply| reply.usage(Usage::new(1, 1))).collect()
    }

    fn weather() -> Reply {
        Reply::call("weather", json!({"city": "Oslo"}))
    }

    #[tokio::test]
    async fn a_run_that_goes_as_it_should_has_no_findings() {
        let three = ["Oslo", "Rome", "Lima"].map(|city| ("temperature", json!({"city": city})));
        let three =
            three.into_iter().fold(Reply::text("So."), |reply, (tool, city)| reply.and_call(tool, city));
        let answer = || Reply::text("It is sunny there.");
        let acts = [
            (Act::Loop, vec![weather(), answer()]),
            (Act::ThreeAtOnce, vec![three, answer()]),
            (Act::Cut, vec![answer().stop(StopReason::MaxTokens)]),
        ];
        for (act, replies) in acts {
            for streamed in [true, false] {
                let server = Mock::start(Scenario::new(counted(replies.clone()))).await.unwrap();
                let model = Wire::Messages.model(&server.url(), streamed).unwrap();
                assert_eq!(act.findings(model, streamed).await, [""; 0], "{act}, {streamed}");
            }
        }
    }

    #[tokio::test]
    async fn each_finding_says_what_is_wrong() {
        let check = async |act: Act, replies: Vec<Reply>, streamed: bool, expected: &[&str]| {
            let script = Script::by_agent(
                [("main", replies), ("forecaster", vec![weather(), Reply::text("It is sunny there.")])]
                    .map(|(agent, replies)| (agent, counted(replies))),
            );
            let findings = act.findings(Arc::new(script), streamed).await;
            let begin = |(found, expected): (&String, &&str)| found.starts_with(expected);
            let right = findings.len() == expected.len() && findings.iter().zip(expected).all(begin);
            assert!(right, "{findings:?}");
        };
        let answer = || Reply::text("It is sunny there.");
        let asks = Reply::call("forecaster", json!({"task": "How is it?"}));
        check(Act::AgentAsTool, vec![asks, answer()], true, &[]).await;
        check(
            Act::Loop,
            vec![weather(), weather(), Reply::text(" ")],
            true,
            &[
                r#"the calls are ["weather", "weather"], not ["weather"]"#,
                "3 replies came as 3 pieces and 0 wholes",
                "the answer is blank",
            ],
        )
        .await;
        check(Act::Cut, vec![answer()], true, &["the run ended with: It is sunny there."]).await;
        check(
            Act::Cut,
            vec![answer().stop(StopReason::MaxTokens)],
            false,
            &["1 replies came as 4 pieces and 0 wholes"],
        )
        .await;
        let town = Reply::call("weather", json!({"town": "Oslo"}));
        let unknown = "the call of weather failed: invalid input: at /town: unknown field `town`";
        check(Act::Loop, vec![town, answer()], true, &[unknown]).await;
    }
}
