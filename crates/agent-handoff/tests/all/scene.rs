//! A scene: a team and its script, played streamed and unary, and all there is to see of it as text.

use std::{
    fmt::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_core::{
    Agent, BoxStream, Conversation, Delta, Event, EventKind, Limits, Llm, LlmError, Request, Team,
    event::EventLog,
    model::{LlmErrorKind, fold, non_streaming},
    script::{Reply, Script},
};
use agent_handoff::Handoff;
use agent_tools::FnTool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize, JsonSchema)]
struct Look {
    at: String,
}

/// The same model, but each reply is one delta.
struct Unary(Script);

impl Llm for Unary {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        non_streaming(fold(self.0.stream(request), |_| ()))
    }
}

/// Agents, what each can hand over to and whether it has a tool `look` (100 ms), and what it says.
pub(crate) struct Scene {
    agents: Vec<(&'static str, Option<Handoff>, bool, Vec<Reply>)>,
    limits: Limits,
    asks: Vec<&'static str>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self { agents: Vec::new(), limits: Limits::new(), asks: vec!["Help!"] }
    }

    /// An agent that can hand over and look.
    pub(crate) fn agent(self, name: &'static str, handoff: Handoff, says: Vec<Reply>) -> Self {
        self.with(name, Some(handoff), true, says)
    }

    /// An agent that can look.
    pub(crate) fn worker(self, name: &'static str, says: Vec<Reply>) -> Self {
        self.with(name, None, true, says)
    }

    /// An agent without tools.
    pub(crate) fn talker(self, name: &'static str, says: Vec<Reply>) -> Self {
        self.with(name, None, false, says)
    }

    /// What the user says, run after run.
    pub(crate) fn asks(mut self, asks: &[&'static str]) -> Self {
        self.asks = asks.to_vec();
        self
    }

    pub(crate) fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    fn with(mut self, name: &'static str, handoff: Option<Handoff>, looks: bool, says: Vec<Reply>) -> Self {
        self.agents.push((name, handoff, looks, says));
        self
    }

    /// Plays the scene both ways, holds them against each other, and gives back what there is to see.
    pub(crate) async fn play(&self) -> String {
        let (streamed, unary) = (self.play_once(false).await, self.play_once(true).await);
        assert_eq!(streamed, unary, "streaming makes no difference");
        streamed
    }

    async fn play_once(&self, unary: bool) -> String {
        let script = Script::by_agent(self.agents.iter().map(|(name, _, _, says)| (*name, says.clone())));
        let team = self.team(&script, unary);
        let log = Arc::new(Mutex::new(String::new()));
        let mut seen = String::new();
        let mut conversation = Conversation::new(self.agents[0].0);
        for ask in &self.asks {
            conversation.say(*ask);
            let end = team.run(&mut conversation).listen(writer(&log)).await;
            match end {
                Ok(end) => writeln!(seen, "END {end:?}").unwrap(),
                Err(error) => writeln!(seen, "ERROR {error}").unwrap(),
            }
        }
        write!(seen, "\nRECORD\n{conversation}\nREQUESTS\n").unwrap();
        for request in script.requests() {
            agent_mock::check(&body(&request))
                .unwrap_or_else(|refusal| panic!("{refusal}\n{:?}", request.messages));
            write_request(&mut seen, &request);
        }
        write!(seen, "\nEVENTS\n{}", log.lock().unwrap()).unwrap();
        seen
    }

    fn team(&self, script: &Script, unary: bool) -> Team {
        let agents = self.agents.iter().map(|(name, handoff, looks, _)| {
            let builder = match unary {
                true => Agent::builder(*name, Unary(script.clone())),
                false => Agent::builder(*name, script.clone()),
            };
            let builder = builder.base_prompt("").system(format!("You are {name}."));
            let builder = builder.tools(handoff.iter().flat_map(Handoff::tools));
            if *looks { builder.tool(look()) } else { builder }.build().unwrap()
        });
        Team::new(agents).unwrap().with_limits(self.limits.clone())
    }
}

pub(crate) fn look() -> FnTool {
    FnTool::new("look", "Looks.", |Look { at }: Look| async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok::<_, String>(format!("saw {at}"))
    })
}

fn writer(log: &Arc<Mutex<String>>) -> impl Fn(&Event) + Send + Sync + 'static {
    let log = log.clone();
    move |event| {
        if !matches!(event.kind, EventKind::Delta(_)) {
            let lines = EventLog::new(140).line(event);
            lines.into_iter().for_each(|line| writeln!(log.lock().unwrap(), "{}", line.trim_end()).unwrap());
        }
    }
}

/// A request as the API gets it.
pub(crate) fn body(request: &Request) -> Value {
    let tools = request.tools.iter().map(|tool| {
        let schema: Value = tool.input_schema.parse().unwrap();
        json!({"name": tool.name, "description": tool.description, "input_schema": schema})
    });
    let messages: Value = serde_json::from_str(&serde_json::to_string(&request.messages).unwrap()).unwrap();
    let mut body = json!({"model": "m", "max_tokens": request.max_tokens, "messages": messages});
    if !request.tools.is_empty() {
        body["tools"] = tools.collect();
    }
    body
}

fn write_request(seen: &mut String, request: &Request) {
    let system = request.system_text().replace('\n', " ");
    writeln!(seen, "{} reads: {system}", request.agent).unwrap();
    let messages = serde_json::to_string(&request.messages).unwrap();
    let conversation = format!(r#"{{"id":"r","agent":"…","messages":{messages}}}"#);
    match serde_json::from_str::<Conversation>(&conversation) {
        Ok(view) => view.to_string().lines().for_each(|line| writeln!(seen, "    {line}").unwrap()),
        Err(error) => panic!("{error}: {messages}"),
    }
}

pub(crate) fn handoff(name: &str) -> Reply {
    and_handoff(Reply::default(), name)
}

pub(crate) fn and_handoff(reply: Reply, name: &str) -> Reply {
    reply.and_call("handoff", json!({"name": name, "reason": format!("It is {name}'s.")}))
}

pub(crate) fn look_at(at: &str) -> Reply {
    and_look(Reply::default(), at)
}

pub(crate) fn and_look(reply: Reply, at: &str) -> Reply {
    reply.and_call("look", json!({"at": at}))
}

pub(crate) fn says(text: &str) -> Reply {
    Reply::text(text)
}

pub(crate) fn broken() -> Reply {
    Reply::error(LlmError::new(LlmErrorKind::Overloaded, "no room"))
}
