//! Replies that a guard sends back to the model.

use agent_core::{
    Message, Usage,
    script::{Reply, Script},
};
use agent_guards::{GuardRefusal, Guards, Output, OutputVerdict, Windows};

use crate::common::{Ran, call, run_main};

/// Sends replies back that name a price.
fn guards() -> Guards {
    Guards::new().output("prices", |output: Output| async move {
        Ok(match output.text.contains("EUR") {
            true => OutputVerdict::retry("Name no price."),
            false => OutputVerdict::Allow,
        })
    })
}

fn usage(tokens: u64) -> Usage {
    let mut usage = Usage::default();
    (usage.input_tokens, usage.output_tokens) = (10, tokens);
    usage
}

/// What came of these replies, whole and in windows, and how many tokens they cost. A reply in windows
/// is stopped where it is refused, usually before its server has said what it cost.
async fn check(guards: Guards, replies: Vec<Reply>, tokens: [u64; 2]) -> [(Ran, Script); 2] {
    let mut ran = Vec::new();
    for (guards, tokens) in [guards.clone(), guards.windows(Windows::new(10))].into_iter().zip(tokens) {
        let model = Script::new(replies.clone());
        let result = run_main(&guards, &model, "Go on.").await;
        let usage = result.conversation.usage();
        assert_eq!(usage.output_tokens, tokens, "{usage:?}");
        ran.push((result, model));
    }
    ran.try_into().unwrap_or_else(|_| panic!("there are two"))
}

#[tokio::test(start_paused = true)]
async fn a_reply_is_asked_for_again_with_what_is_wrong_and_only_the_last_is_recorded() {
    let first = Reply::text("It costs 5 EUR a day. So.").and_block(call("x").content[0].clone());
    let replies = vec![first.usage(usage(7)), Reply::text("It is cheap.").usage(usage(3))];
    for (ran, model) in check(guards(), replies, [10, 3]).await {
        assert_eq!(ran.end.text(), "It is cheap.");
        assert_eq!(ran.conversation.messages().len(), 2);
        let last = ran.shown.concat();
        assert!(last.ends_with("It is cheap.") && !last.contains("EUR"), "{last}");
        let read: Vec<String> = model.requests()[1].messages.iter().map(Message::text).collect();
        assert_eq!(read[2..], ["Your last reply was withdrawn: Name no price.\nReply again."]);
        assert!(read[1].starts_with("It costs 5 EUR a day."), "{read:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_tries_are_used_up_the_reply_is_refused() {
    let replies = ["5 EUR.", "6 EUR.", "7 EUR."].map(|text| Reply::text(text).usage(usage(2)));
    for (ran, model) in check(guards().tries(2), replies.to_vec(), [4, 0]).await {
        assert_eq!(GuardRefusal::of(&ran.end).unwrap().explanation, "Name no price.");
        assert_eq!((ran.conversation.text(), model.requests().len()), ("Name no price.".to_owned(), 2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_is_withdrawn_at_its_end_counts() {
    let first = call("x").and_text("For 5 EUR.").usage(usage(7));
    for (ran, _) in check(guards(), vec![first, Reply::text("Done.").usage(usage(3))], [10, 10]).await {
        assert_eq!((ran.end.text(), ran.conversation.messages().len()), ("Done.", 2));
    }
}
