//! Questions of a server in the place of a result, as the newest revision has them.

#![expect(deprecated)]

use std::time::Duration;

use rmcp::model::{InputRequest, InputRequiredResult, InputResponses, ListRootsResult};
use serde::Serialize;
use serde_json::Value;

use super::{calls::Caller, elicitation::Asked, link::Link};

/// How often a server may ask in one call.
const ROUNDS: u32 = 10;

/// The pause before a server is asked again that only wants to be asked again.
const PAUSE: Duration = Duration::from_millis(100);

/// The questions of one call so far.
#[derive(Default)]
pub(super) struct Rounds {
    all: u32,
    without_questions: u32,
}

/// What came of the questions.
pub(super) enum Answers {
    /// The call is made again with these.
    Given { responses: Option<InputResponses>, state: Option<String> },
    /// A person has to be asked this first.
    Person(String),
}

impl Rounds {
    /// Answers the questions. The error says why that can't be done.
    pub(super) async fn answer(
        &mut self,
        server: &Link,
        asked: InputRequiredResult,
        caller: &Caller,
    ) -> Result<Answers, String> {
        self.all += 1;
        if self.all > ROUNDS {
            return Err(format!("it asked more than {ROUNDS} times"));
        }
        let InputRequiredResult { input_requests, request_state: state, .. } = asked;
        let questions = input_requests.unwrap_or_default();
        if questions.is_empty() {
            if state.is_none() {
                return Err("it asked for nothing".to_owned());
            }
            tokio::time::sleep(PAUSE * 2_u32.pow(self.without_questions)).await;
            self.without_questions += 1;
        }
        let mut responses = InputResponses::new();
        for (key, question) in questions {
            match answer(server, question, caller).await? {
                Answer::Given(value) => drop(responses.insert(key, value)),
                Answer::Person(question) => return Ok(Answers::Person(question)),
            }
        }
        Ok(Answers::Given { responses: (!responses.is_empty()).then_some(responses), state })
    }
}

enum Answer {
    Given(Value),
    Person(String),
}

async fn answer(server: &Link, question: InputRequest, caller: &Caller) -> Result<Answer, String> {
    let settings = &server.settings;
    match question {
        InputRequest::CreateMessage(asked) => match &settings.sampling {
            Some(sampling) => given(&sampling.answer(asked.params, &caller.context).await?),
            None => Err("it asked for a model, which this program does not allow (`sampling`)".to_owned()),
        },
        InputRequest::Elicitation(asked) => match &settings.elicitation {
            Some(elicitation) => match elicitation.ask(&server.name, &asked.params, caller).await {
                Asked::Answer(answer) => given(&answer),
                Asked::Person(question) => Ok(Answer::Person(question)),
            },
            None => {
                Err("it asked for a person, which this program does not allow (`elicitation`)".to_owned())
            }
        },
        InputRequest::ListRoots(_) => given(&ListRootsResult::default()),
        _ => Err("it asked something that this program does not know".to_owned()),
    }
}

fn given(answer: &impl Serialize) -> Result<Answer, String> {
    serde_json::to_value(answer).map(Answer::Given).map_err(|error| error.to_string())
}
