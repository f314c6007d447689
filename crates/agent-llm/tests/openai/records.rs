//! Any conversation that one API wrote can be sent to any other.
//!
//! Random runs of a team, in which each request may go to another API: Claude, OpenAI's two, and
//! both of a server that speaks like OpenAI's. Each request is checked by the rules of the API that
//! it goes to. So each API reads what all others wrote.

mod plan;
mod replies;
mod rules;

use std::{
    collections::VecDeque,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

use agent_core::{
    Agent, Block, BoxStream, Content, Context, Conversation, Delta, Json, Llm, LlmError, Outcome, Request,
    Team, Tool, ToolSpec, async_trait,
};
use agent_handoff::{Handoff, HistoryFilter};
use agent_llm::{CallIds, Claude, OpenAi, OpenAiBuilder};
use proptest::{collection::vec, prelude::*, test_runner::RngAlgorithm};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use plan::{Exchange, Said, exchange};
use replies::Reply;

/// An API, and whose server speaks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    Claude,
    Chat,
    CompatibleChat,
    Mistral,
    Responses,
    CompatibleResponses,
}

impl Api {
    pub(crate) const ALL: [Self; 6] = [
        Self::Claude,
        Self::Chat,
        Self::CompatibleChat,
        Self::Mistral,
        Self::Responses,
        Self::CompatibleResponses,
    ];

    /// The first part of the path at the server of this test.
    fn path(self) -> String {
        format!("/{self:?}")
    }

    fn of(path: &str) -> Self {
        let is_it = |api: &Self| path.starts_with(&format!("{}/", api.path()));
        Self::ALL.into_iter().find(is_it).unwrap()
    }

    fn client(self, server: &str) -> Arc<dyn Llm> {
        let url = format!("{server}{}", self.path());
        let once = |settings: OpenAiBuilder| {
            settings.model("m").max_retries(0).streaming(false).origin(format!("{self:?}"))
        };
        let compatible = || once(OpenAi::compatible(&url));
        let own = || once(OpenAi::builder().key("k").base_url(&url));
        match self {
            Self::Claude => {
                let claude = Claude::builder().key("k").base_url(&url);
                Arc::new(claude.max_retries(0).streaming(false).build().unwrap())
            }
            Self::Chat => Arc::new(own().chat().build().unwrap()),
            Self::CompatibleChat => Arc::new(compatible().build().unwrap()),
            Self::Mistral => Arc::new(compatible().call_ids(CallIds::Nine).build().unwrap()),
            Self::Responses => Arc::new(own().build().unwrap()),
            Self::CompatibleResponses => Arc::new(compatible().responses().build().unwrap()),
        }
    }
}

/// What is still to be said in the exchange that goes on.
#[derive(Default)]
struct State {
    replies: VecDeque<(Api, Reply)>,
    /// Which API is asked when nothing is left.
    last: Option<Api>,
    /// What was wrong with requests, and the requests.
    refused: Vec<String>,
}

impl State {
    fn next(&self) -> Api {
        self.replies.front().map(|(api, _)| *api).or(self.last).unwrap_or(Api::Claude)
    }
}

/// One server for all APIs, and a client of each.
struct World {
    state: Arc<Mutex<State>>,
    clients: Vec<(Api, Arc<dyn Llm>)>,
    _server: MockServer,
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

static WORLD: LazyLock<World> = LazyLock::new(|| RUNTIME.block_on(World::start()));

impl World {
    async fn start() -> Self {
        // It keeps no requests: there are thousands.
        let server = MockServer::builder().disable_request_recording().start().await;
        let state = Arc::<Mutex<State>>::default();
        let answering = Arc::clone(&state);
        let answer = move |request: &wiremock::Request| answer(&mut lock(&answering), request);
        Mock::given(any()).respond_with(answer).mount(&server).await;
        let clients = Api::ALL.map(|api| (api, api.client(&server.uri()))).into();
        Self { state, clients, _server: server }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(state: &mut State, request: &wiremock::Request) -> ResponseTemplate {
    let api = Api::of(request.url.path());
    let body: Value = request.body_json().unwrap();
    if let Err(problem) = rules::check(api, &body) {
        state.refused.push(format!("{api:?}: {problem}\n{body:#}"));
        let error = json!({"type": "error", "error": {"type": "invalid_request_error", "message": problem}});
        return ResponseTemplate::new(400).set_body_json(error);
    }
    let (_, reply) = state.replies.pop_front().unwrap_or_else(|| (api, Reply::done()));
    ResponseTemplate::new(200).set_body_json(reply.written(api))
}

/// The model of all agents: it asks the API whose turn it is.
struct ByPlan;

impl Llm for ByPlan {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let api = lock(&WORLD.state).next();
        let (_, client) = WORLD.clients.iter().find(|(of, _)| *of == api).unwrap();
        client.stream(request)
    }
}

/// A tool that gives what its input asks for.
struct Give(ToolSpec);

impl Give {
    fn named(name: &str) -> Self {
        Self(ToolSpec::new(name, "Gives what it is asked for.", json!({"type": "object", "properties": {}})))
    }
}

#[async_trait]
impl Tool for Give {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, input: Json, _: Context) -> Outcome {
        let asked: Value = input.parse().unwrap_or_default();
        let content = || -> Content {
            let blocks = asked["blocks"].as_array().into_iter().flatten();
            let blocks = blocks.filter_map(|block| Block::from_json(Json::from(block.clone())).ok());
            blocks.collect::<Vec<Block>>().into()
        };
        match asked["give"].as_str() {
            Some("blocks") => Outcome::Output(content()),
            Some("failed blocks") => Outcome::Error(content()),
            Some("error") => Outcome::error("no"),
            Some("silent error") => Outcome::error(" "),
            Some("question") => Outcome::Wait { question: "May I?".to_owned() },
            Some(words) => Outcome::Output(words.into()),
            None => Outcome::Output("".into()),
        }
    }
}

fn team(system: &str, other_has_tools: bool, reads: HistoryFilter) -> Team {
    let handoff = Handoff::to([("main", "All."), ("other", "More.")]).reads(reads).tools();
    let main = Agent::builder("main", ByPlan).system(system).tools(handoff.clone());
    let main = main.tool(Give::named("give")).tool(Give::named(&"g".repeat(100)));
    let other = Agent::builder("other", ByPlan);
    let other = if other_has_tools { other.tools(handoff).tool(Give::named("give")) } else { other };
    Team::new([main.build().unwrap(), other.build().unwrap()]).unwrap()
}

/// Sets what the models answer from now on.
fn answer_with(replies: Vec<(Api, Reply)>, last: Api) {
    let mut state = lock(&WORLD.state);
    (state.replies, state.last) = (replies.into(), Some(last));
}

/// Has the exchanges, and gives back what was wrong with the requests.
async fn run(team: &Team, exchanges: Vec<Exchange>) -> Vec<String> {
    let mut conversation = Conversation::new("main");
    *lock(&WORLD.state) = State::default();
    for Exchange { said, replies, last } in exchanges {
        match said {
            Said::Words(content) => conversation.say(content),
            Said::Instructions(text) => {
                conversation.instruct(text);
                conversation.say("Go on.");
            }
        }
        answer_with(replies, last);
        // A reply that can't be read ends the run, and the next exchange goes on from there.
        let _ = team.run(&mut conversation).await;
    }
    std::mem::take(&mut lock(&WORLD.state).refused)
}

/// So many cases, unless the environment asks for another number.
fn cases(cases: u32) -> ProptestConfig {
    let rng_algorithm = RngAlgorithm::XorShift;
    let default = ProptestConfig { failure_persistence: None, rng_algorithm, ..ProptestConfig::default() };
    let is_given = std::env::var_os("PROPTEST_CASES").is_some();
    if is_given { default } else { ProptestConfig { cases, ..default } }
}

fn reads() -> impl Strategy<Value = HistoryFilter> {
    let filters = [HistoryFilter::WithoutHandoffs, HistoryFilter::Everything, HistoryFilter::LastTurns(1)];
    proptest::sample::select(filters.to_vec())
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn fault_35_any_conversation_of_one_api_is_valid_for_every_other(
        exchanges in vec(exchange(), 1..5),
        system in proptest::sample::select(vec!["", " ", "Be brief."]),
        other_has_tools: bool,
        reads in reads(),
    ) {
        let team = team(system, other_has_tools, reads);
        LazyLock::force(&WORLD);
        let refused = RUNTIME.block_on(run(&team, exchanges));
        prop_assert!(refused.is_empty(), "{}", refused.join("\n"));
    }
}
