//! Servers that ask a person or a model.

use agent_core::{
    Agent, Block, Context, Conversation, End, EventKind, Limits, Message, Outcome, StopReason, Team, Tool,
    Usage,
    budget::Budget,
    script::{Reply, Script},
};
use agent_journal::Journal;
use agent_mcp::{Elicitation, FormAnswer, FormAnswers, McpServer, Sampling, ServerBuilder};
use serde_json::json;

use super::{
    lists::tool,
    results,
    scripted::{REVISIONS, server},
};

/// The tokens of the script's answer to a server.
const ANSWER: u64 = 7;

async fn connected(
    revision: &str,
    change: impl FnOnce(ServerBuilder) -> ServerBuilder,
) -> (McpServer, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (change(server(revision, folder.path())).connect().await.unwrap(), folder)
}

#[tokio::test]
async fn both_are_off_unless_they_are_allowed() {
    for revision in REVISIONS {
        let (server, _folder) = connected(revision, |settings| settings).await;
        for name in ["asks", "samples"] {
            let outcome = tool(&server, name).call(json!({}).into(), Context::by_hand("c")).await;
            let (Outcome::Output(said) | Outcome::Error(said)) = outcome else { panic!() };
            assert!(said.to_text().contains("does not allow"), "{revision}: {said:?}");
        }
    }
}

#[tokio::test]
async fn a_function_answers() {
    for revision in REVISIONS {
        let answer = Elicitation::answered_by(|form| async move {
            assert_eq!((form.message.as_str(), form.call.as_str()), ("Which size?", "by-hand/c"));
            FormAnswer::Accept(json!({}).into())
        });
        let (server, _folder) = connected(revision, |settings| settings.elicitation(answer)).await;
        let outcome = tool(&server, "asks").call(json!({}).into(), Context::by_hand("c")).await;
        let Outcome::Output(said) = outcome else { panic!("{outcome:?}") };
        let said = said.to_text();
        assert!(said.contains(r#""action":"accept","content":{"size":"M"}"#), "{said}");
    }
}

#[tokio::test]
async fn a_call_waits_for_a_person() {
    for (revision, answer, expected) in [
        (REVISIONS[0], None, r#""size":"M""#),
        (REVISIONS[1], None, r#""size":"M""#),
        (REVISIONS[0], Some("L"), r#""size":"L""#),
        (REVISIONS[1], Some("L"), r#""size":"L""#),
    ] {
        let ask = |settings: ServerBuilder| settings.elicitation(Elicitation::ask_a_person());
        let (server, _folder) = connected(revision, ask).await;
        let script = Script::new([Reply::call("asks", json!({})), Reply::text("Done.")]);
        let agent = Agent::builder("a", script).tools(server.tools()).build().unwrap();
        let mut conversation = agent.start("Buy a shirt.");
        let End::Waiting(calls) = agent.run(&mut conversation).await.unwrap() else { panic!() };
        let question = "The server \"scripted\" asks: Which size?\n- size: string, by default \"M\"";
        assert_eq!(calls[0].question, question);

        conversation.approve(&calls[0].key).unwrap();
        let mut answers = FormAnswers::new();
        if let Some(size) = answer {
            answers = answers.accept(&calls[0].key, &calls[0].question, json!({"size": size}));
        }
        assert_eq!(agent.run(&mut conversation).with(answers).await.unwrap().text(), "Done.");
        let results = results(&conversation);
        assert!(results[0].contains(expected), "{revision}: {results:?}");
    }
}

/// What the guide teaches for every call that waits: to approve it.
#[tokio::test]
async fn an_approval_answers_a_yes_or_no_and_a_form_says_that_it_needs_more() {
    for revision in REVISIONS {
        let ask = |settings: ServerBuilder| settings.elicitation(Elicitation::ask_a_person());
        let (server, _folder) = connected(revision, ask).await;
        let replies = || [Reply::call("asks_yes", json!({})), Reply::text("Done.")];
        let agent = Agent::builder("a", Script::new(replies())).tools(server.tools()).build().unwrap();
        let mut conversation = agent.start("Go.");
        let End::Waiting(calls) = agent.run(&mut conversation).await.unwrap() else { panic!() };
        let question = "The server \"scripted\" asks: Really?\n- sure: boolean (required)\nAn approval is the answer true.";
        assert_eq!(calls[0].question, question);
        conversation.approve(&calls[0].key).unwrap();
        assert_eq!(agent.run(&mut conversation).await.unwrap().text(), "Done.");
        let said = results(&conversation);
        assert!(said[0].contains(r#""sure":true"#), "{revision}: {said:?}");

        let replies = [Reply::call("asks_words", json!({})), Reply::text("Done.")];
        let agent = Agent::builder("a", Script::new(replies)).tools(server.tools()).build().unwrap();
        let mut conversation = agent.start("Go.");
        let question = "The server \"scripted\" asks: Where to?\n- street: string (required)\nAn approval alone does not answer this. The program must also give `FormAnswers`.";
        for _ in 0..2 {
            let End::Waiting(calls) = agent.run(&mut conversation).await.unwrap() else { panic!() };
            assert_eq!(calls[0].question, question);
            conversation.approve(&calls[0].key).unwrap();
        }
        let answers = FormAnswers::new().accept("run/call_0_0", question, json!({"street": "Karl Johan"}));
        assert_eq!(agent.run(&mut conversation).with(answers).await.unwrap().text(), "Done.");
        let said = results(&conversation);
        assert!(said[0].contains("Karl Johan"), "{revision}: {said:?}");
    }
}

#[tokio::test]
async fn a_web_page_is_opened_only_if_the_program_and_the_person_allow_it() {
    for revision in REVISIONS {
        let page = "https://example.com/sign-in";
        let answer = move |form: agent_mcp::Form| async move {
            assert_eq!((form.url.as_deref(), &*form.message), (Some(page), "Sign in, please."));
            FormAnswer::Accept(json!({}).into())
        };
        for (elicitation, expected) in [
            (Elicitation::answered_by(answer), r#""action":"decline""#),
            (Elicitation::answered_by(answer).with_web_pages(), r#""action":"accept""#),
        ] {
            let (server, _folder) = connected(revision, |settings| settings.elicitation(elicitation)).await;
            let outcome = tool(&server, "sends").call(json!({}).into(), Context::by_hand("c")).await;
            let Outcome::Output(said) = outcome else { panic!("{outcome:?}") };
            let said = said.to_text();
            assert!(said.contains(expected) && !said.contains("content"), "{said}");
        }

        let ask = Elicitation::ask_a_person().with_web_pages();
        let (server, _folder) = connected(revision, |settings| settings.elicitation(ask)).await;
        let script = Script::new([Reply::call("sends", json!({})), Reply::text("Done.")]);
        let agent = Agent::builder("a", script).tools(server.tools()).build().unwrap();
        let mut conversation = agent.start("Go.");
        let End::Waiting(calls) = agent.run(&mut conversation).await.unwrap() else { panic!() };
        let expected = format!("The server \"scripted\" asks a person to open {page} : Sign in, please.");
        assert_eq!(calls[0].question, expected);
        conversation.approve(&calls[0].key).unwrap();
        agent.run(&mut conversation).await.unwrap();
        let results = results(&conversation);
        assert!(results[0].contains(r#""action":"accept""#), "{revision}: {results:?}");
    }
}

/// The server learns nothing of such an answer, so the program is told.
#[tokio::test]
async fn an_answer_that_does_not_fit_is_told() {
    for revision in REVISIONS {
        let answer = Elicitation::answered_by(async |_| FormAnswer::Accept(json!({"size": 7}).into()));
        let (server, _folder) = connected(revision, |settings| settings.elicitation(answer)).await;
        let script = Script::new([Reply::call("asks", json!({})), Reply::text("Done.")]);
        let agent = Agent::builder("a", script).tools(server.tools()).build().unwrap();
        let mut conversation = agent.start("Buy a shirt.");
        let mut run = agent.run(&mut conversation);
        let mut told = Vec::new();
        while let Some(event) = run.next().await {
            if let EventKind::CallProgress { text, .. } = event.kind {
                told.push(text);
            }
        }
        drop(run);
        let expected = "the answer to a question of the server \"scripted\" does not fit, so the server is told that \
                        the question was cancelled: at /size: want string, but got number";
        assert_eq!(told, [expected], "{revision}");
        assert!(results(&conversation)[0].contains("cancel"), "{:?}", results(&conversation));
    }
}

#[tokio::test]
async fn a_model_that_refuses_is_no_answer() {
    for revision in REVISIONS {
        let sampling = Sampling::new();
        let (server, _folder) = connected(revision, |settings| settings.sampling(&sampling)).await;
        let refused = Reply::text("No.").stop(StopReason::Refusal);
        let script = Script::new([Reply::call("samples", json!({})), refused, Reply::text("Done.")]);
        let agent = Agent::builder("a", script).tools(server.tools()).build().unwrap();
        let team = sampling.around(Team::new([agent]).unwrap());
        let mut conversation = Conversation::start("a", "Go.");
        team.run(&mut conversation).await.unwrap();
        let results = results(&conversation);
        assert!(results[0].contains("the model refused to answer"), "{revision}: {results:?}");
    }
}

#[tokio::test]
async fn an_approval_of_the_call_is_none_of_the_question() {
    let ask = |settings: ServerBuilder| {
        settings.elicitation(Elicitation::ask_a_person()).tool("asks", |spec| spec.needs_approval = true)
    };
    let (server, _folder) = connected("2026-07-28", ask).await;
    let script = Script::new([Reply::call("asks", json!({})), Reply::text("Done.")]);
    let agent = Agent::builder("a", script).tools(server.tools()).build().unwrap();
    let mut conversation = agent.start("Buy a shirt.");
    let End::Waiting(calls) = agent.run(&mut conversation).await.unwrap() else { panic!() };
    assert_eq!(calls[0].question, "May \"asks\" of the server \"scripted\" be called with {}?");
    conversation.approve(&calls[0].key).unwrap();
    let End::Waiting(calls) = agent.run(&mut conversation).await.unwrap() else { panic!() };
    // The second question says that another approval would lead to nothing.
    let expected = "The server \"scripted\" asks: Which size?\n- size: string, by default \"M\"\nAn approval alone does not answer this. The program must also give `FormAnswers`.";
    assert_eq!(calls[0].question, expected);
}

#[tokio::test]
async fn a_server_asks_the_teams_model_and_the_budget_pays() {
    for revision in REVISIONS {
        let sampling = Sampling::new();
        let (server, _folder) = connected(revision, |settings| settings.sampling(&sampling)).await;
        for (requests, expected) in [(10, "Forty-two."), (1, "budget")] {
            let mut used = Usage::default();
            used.output_tokens = ANSWER;
            let script = Script::new([
                Reply::call("samples", json!({})).usage(Usage::new(1, 1)),
                Reply::text("Forty-two.").usage(used),
                Reply::text("Done.").usage(Usage::new(1, 1)),
            ]);
            let agent = Agent::builder("a", script).tools(server.tools()).build().unwrap();
            let limits = Limits::new().budget(Budget::new().requests(requests));
            let team = sampling.around(Team::new([agent]).unwrap().with_limits(limits));
            let mut conversation = Conversation::start("a", "Go.");
            let end = team.run(&mut conversation).await;
            let results = results(&conversation);
            assert!(results[0].contains(expected), "{revision}, {requests}: {results:?}, {end:?}");
            // The conversation has counted it, too.
            let counted = (conversation.usage().output_tokens, conversation.spent().requests);
            assert_eq!(counted, if requests == 1 { (1, 1) } else { (2 + ANSWER, 3) });
        }
        assert_eq!(sampling.usage().output_tokens, ANSWER);
    }
}

/// A process that goes on with a run makes its open calls before it asks its model anything.
#[tokio::test]
async fn a_server_asks_a_model_in_a_call_that_another_process_has_begun() {
    let sampling = Sampling::new();
    let (server, _folder) = connected("2026-07-28", |settings| settings.sampling(&sampling)).await;
    let script = Script::new([Reply::text("Forty-two."), Reply::text("Done.")]);
    let agent = Agent::builder("a", script).tools(server.tools()).build().unwrap();
    let team = sampling.around(Team::new([agent]).unwrap());
    let call = Message::assistant(vec![Block::tool_use("call", "samples", json!({}))]);
    let mut conversation = Conversation::from_messages("a", [Message::user("Go."), call]).unwrap();
    assert_eq!(team.run(&mut conversation).await.unwrap().text(), "Done.");
    assert!(results(&conversation)[0].contains("Forty-two."), "{:?}", results(&conversation));
}

/// A journal saves what is reserved before each request, also before those of a server.
#[tokio::test]
async fn a_server_asks_a_model_in_a_run_on_a_journal() {
    let sampling = Sampling::new();
    let (server, folder) = connected("2026-07-28", |settings| settings.sampling(&sampling)).await;
    let call = Reply::call("samples", json!({})).and_call("samples", json!({})).usage(Usage::new(1, 1));
    let mut used = Usage::default();
    used.output_tokens = ANSWER;
    let answer = || Reply::text("Forty-two.").usage(used);
    let script = Script::new([call, answer(), answer(), Reply::text("Done.").usage(Usage::new(1, 1))]);
    let agent = Agent::builder("a", script).tools(server.tools()).build().unwrap();
    let limits = Limits::new().budget(Budget::new().requests(4));
    let team = sampling.around(Team::new([agent]).unwrap().with_limits(limits));
    let journal = Journal::open(folder.path().join("journal")).unwrap();
    let mut conversation = Conversation::new("a").with_id("c");
    let host = journal.host(team, &mut conversation).await.unwrap();
    conversation.say("Go.");
    assert_eq!(host.run(&mut conversation).await.unwrap().text(), "Done.");
    assert!(results(&conversation).iter().all(|result| result.contains("Forty-two.")));
    let kept = journal.conversation("c").unwrap();
    for counted in [conversation, kept] {
        assert_eq!((counted.usage().output_tokens, counted.spent().requests), (2 + 2 * ANSWER, 4));
        assert_eq!(counted.unsettled(), []);
    }
}
