//! A request that is too long, or has too many pictures and documents.

mod said;

use agent_core::{LlmError, Request, model::LlmErrorKind};

use super::{Refusal, says};
use crate::wrappers::bounds::{
    Bounds, count_media,
    shorten::{Scale, Size, to_size},
};

/// What the API says of a prompt with too many tokens, and what servers that speak like it do.
const LONG: [&str; 14] = [
    "prompt is too long",
    "exceed context limit",
    "exceeds the available context size",
    "exceed_context_size",
    "context_length_exceeded",
    "maximum context length",
    // OpenAI in words, Gemini, xAI, vLLM, Ollama, LM Studio, Bedrock, TGI.
    "exceeds the context window",
    "exceeds the maximum number of tokens",
    "maximum prompt length",
    "maximum model length",
    "exceeds the context length",
    "context length of only",
    "input is too long for requested model",
    "`inputs` tokens + `max_new_tokens` must be",
];

/// What it says of too many bytes.
const LARGE: [&str; 2] = ["request exceeds the maximum size", "request_too_large"];

/// What it says of too many pictures and documents.
const MANY: [&str; 2] = ["too much media", "too many images"];

/// The most characters of a refusal that a note quotes.
const QUOTED: usize = 100;

pub(super) fn is_about_size(error: &LlmError) -> bool {
    let refused = error.kind == LlmErrorKind::InvalidRequest;
    refused && (error.status == Some(413) || is(error, &LONG) || is(error, &LARGE) || is(error, &MANY))
}

/// Whether this is what an error says, or its name.
fn is(error: &LlmError, words: &[&str]) -> bool {
    let names = [&error.error_type, &error.error_code];
    says(error, words) || names.into_iter().flatten().any(|name| words.contains(&name.as_str()))
}

/// The request with so much less in it as it has too much.
pub(super) fn shortened(refusal: &Refusal<'_>) -> Option<Request> {
    let Refusal { request, error, .. } = refusal;
    if request.extra.contains_key("messages") {
        return None;
    }
    let shortened = match (is(error, &MANY), Tokens::of(error)) {
        (true, _) => fewer(request, &error.message)?,
        (false, Some(tokens)) => cut(request, &Scale::READ, tokens.room(refusal), error),
        // Who takes less than the API does not say how much.
        (false, None) => cut(request, &Scale::BYTES, Size::of(request, &Scale::BYTES).all() / 2, error),
    };
    (shortened != **request).then_some(shortened)
}

/// The request with nothing in it that may be left out.
pub(super) fn shortest(&Refusal { request, error, .. }: &Refusal<'_>) -> Option<Request> {
    if request.extra.contains_key("messages") {
        return None;
    }
    let shortest = match is(error, &MANY) {
        true => with_media(request, 0),
        false => cut(request, &Scale::BYTES, 0, error),
    };
    (shortest != *request).then_some(shortest)
}

/// The error of a request that can't be mended, with what is long in it.
pub(super) fn described(request: &Request, mut error: LlmError) -> LlmError {
    if is_about_size(&error) && !is(&error, &MANY) {
        error.kind = LlmErrorKind::PromptTooLong;
        error.message.push_str(&said::said(request));
    }
    error
}

fn cut(request: &Request, scale: &Scale, most: usize, error: &LlmError) -> Request {
    let why: String = error.message.chars().take(QUOTED).collect();
    to_size(request, scale, most, &why).apply(request.clone())
}

/// How many tokens of input a refused request has, and how many it may have.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tokens {
    has: usize,
    most: usize,
}

impl Tokens {
    fn of(error: &LlmError) -> Option<Self> {
        if !is(error, &LONG) {
            return None;
        }
        let (has, most) = match numbers(&error.message)[..] {
            // With what the reply may have: `190000 + 20000 > 200000`.
            [has, reply, most, ..] if says(error, &["`max_tokens` exceed context limit"]) => {
                (has, most.saturating_sub(reply))
            }
            // Some say first how many there may be.
            [one, other, ..] => (one.max(other), one.min(other)),
            _ => return None,
        };
        (has > most).then_some(Self { has, most })
    }

    /// How much of what the model reads there is room for. The first time that is a guess: all
    /// bytes of words have as many tokens. Then it is known how many tokens the first cut took out.
    fn room(self, refusal: &Refusal<'_>) -> usize {
        let size = |request: &Request| Size::of(request, &Scale::READ).all();
        let Self { has, most } = self;
        let now = size(refusal.request);
        let before = refusal.before.and_then(|(request, error)| Some((size(request), Self::of(error)?.has)));
        let (bytes, tokens) = match before {
            Some((size, tokens)) if size > now => (size - now, tokens.saturating_sub(has)),
            _ => (now, has),
        };
        // Somewhat less than there may be, since no words are quite like others.
        let over = has - most + most / 30;
        match tokens {
            0 => 0,
            tokens => now.saturating_sub(part(bytes, over, tokens)),
        }
    }
}

/// So many of all.
fn part(of: usize, some: usize, all: usize) -> usize {
    let part = of as u128 * some as u128 / all as u128;
    usize::try_from(part).unwrap_or(usize::MAX)
}

/// Without the oldest pictures and documents, as many as there are too many.
fn fewer(request: &Request, message: &str) -> Option<Request> {
    let (has, most) = match numbers(message)[..] {
        [some, others, most, ..] => (some.saturating_add(others), most),
        _ => return None,
    };
    // Documents may be counted by their pages, of which each has as many then.
    (has > most).then(|| with_media(request, part(count_media(request), most, has)))
}

fn with_media(request: &Request, media: usize) -> Request {
    Bounds { media, ..Bounds::none() }.fit(request.clone()).0
}

/// The numbers in a text, in order.
fn numbers(text: &str) -> Vec<usize> {
    text.split(|character: char| !character.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use agent_core::{
        Block, BoxStream, Delta, Json, Llm, Message, Response, ToolSpec,
        message::BlockKind,
        model::{Notice, fold},
    };
    use futures::{StreamExt, stream};
    use serde_json::json;

    use super::*;
    use crate::Repair;

    fn refused(status: u16, why: &str) -> LlmError {
        let mut error = LlmError::new(LlmErrorKind::InvalidRequest, why);
        error.status = Some(status);
        assert!(is_about_size(&error), "{why}");
        error
    }

    fn once(request: &Request, error: &LlmError) -> Option<Request> {
        shortened(&Refusal { request, error, before: None })
    }

    /// What a tool brought.
    fn brought(blocks: Vec<Block>) -> Message {
        Message::user(vec![Block::tool_result("a", blocks.into(), false)])
    }

    fn words(count: usize) -> Block {
        Block::text("w".repeat(count))
    }

    fn picture() -> Block {
        Block::image("image/png", &"A".repeat(40_000))
    }

    /// The thousands of bytes of all texts.
    fn lengths(request: &Request) -> Vec<usize> {
        let texts = request.messages.iter().flat_map(Message::content).flat_map(|block| match block.kind() {
            BlockKind::ToolResult { content, .. } => content.clone().into_blocks(),
            _ => vec![block.clone()],
        });
        texts.map(|block| block.as_text().map_or(0, str::len) / 1_000).collect()
    }

    #[test]
    fn field_44_a_request_that_is_refused_for_its_size_is_shortened() {
        let all = vec![words(500_000), picture(), words(9_999)];
        let request = Request::new(vec![
            Message::user(vec![words(100_000), picture()]),
            brought(all),
            brought(vec![words(500_000)]),
        ]);
        let check = |status, why: &str, expected: &[usize]| {
            let shortened = once(&request, &refused(status, why)).map(|request| lengths(&request));
            assert_eq!(shortened.as_deref(), Some(expected), "{why}");
        };
        // A quarter of a million tokens too many of a million: and 3 % more, to be sure.
        for why in [
            "prompt is too long: 1000000 tokens > 750000 maximum",
            "input length and `max_tokens` exceed context limit: 1000000 + 50000 > 800000, decrease input length",
            "request (1000000 tokens) exceeds the available context size (750000 tokens), try increasing it",
            "This model's maximum context length is 750000 tokens. However, you requested 1000000 tokens",
        ] {
            check(400, why, &[100, 0, 345, 0, 9, 345]);
        }
        for why in [
            "The input token count (1000000) exceeds the maximum number of tokens allowed (750000).",
            "This model's maximum prompt length is 750000 but the request contains 1000000 tokens.",
            "The decoder prompt (length 1000000) is longer than the maximum model length of 750000.",
        ] {
            check(400, why, &[100, 0, 345, 0, 9, 345]);
        }
        check(400, "Your input exceeds the context window of this model.", &[100, 0, 202, 0, 9, 202]);
        check(400, "Input is too long for requested model.", &[100, 0, 202, 0, 9, 202]);
        check(413, "Request exceeds the maximum size", &[100, 0, 202, 0, 9, 202]);
        let mut named = LlmError::new(LlmErrorKind::InvalidRequest, "no");
        named.error_code = Some("context_length_exceeded".to_owned());
        assert_eq!(
            once(&request, &named).map(|request| lengths(&request)),
            Some(vec![100, 0, 201, 0, 9, 201])
        );
    }

    #[test]
    fn field_44_of_too_many_pictures_and_documents_a_part_is_left_out_by_the_numbers_of_the_refusal() {
        let request = Request::new(vec![Message::user(vec![picture(); 10]), brought(vec![picture(); 10])]);
        let check = |why: &str, kept: usize| {
            let fewer = once(&request, &refused(400, why)).map(|request| count_media(&request));
            assert_eq!(fewer, Some(kept), "{why}");
        };
        check("Too much media: 0 document pages + 25 images > 20", 16);
        check("Too much media: 200 document pages + 0 images > 100", 10);
        check("too many images and documents: 19 + 1 > 10", 10);
        check("too many images and documents: 19 + 1 > 0", 0);
        assert_eq!(once(&request, &refused(400, "too many images")), None);
    }

    /// Takes so many tokens: of letters, 4 bytes have one, of dots 16, of digits each one. A
    /// picture has 4,784 of them.
    struct Reader(usize);

    impl Reader {
        fn tokens(request: &Request) -> usize {
            let text = |text: &str| {
                let quarters = text.bytes().map(|byte| match byte {
                    b'.' => 1,
                    b'0'..=b'9' => 16,
                    _ => 4,
                });
                quarters.sum::<usize>() / 16
            };
            let block = |block: &Block| match block.kind() {
                BlockKind::Image => 4_784,
                BlockKind::Document => block.json().text().len() / 10,
                _ => text(block.json().text()),
            };
            let messages = request.messages.iter().flat_map(Message::content);
            let all = messages.flat_map(|block| match block.kind() {
                BlockKind::ToolResult { content, .. } => content.clone().into_blocks(),
                _ => vec![block.clone()],
            });
            all.map(|of| block(&of)).sum()
        }
    }

    impl Llm for Reader {
        fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
            let (has, most) = (Self::tokens(&request), self.0);
            let said = match has > most {
                true => Err(refused(400, &format!("prompt is too long: {has} tokens > {most} maximum"))),
                false => Ok(Delta::Complete(Response::text(has.to_string()).into())),
            };
            stream::iter([said]).boxed()
        }
    }

    /// How many requests it takes until one is answered by a model that reads so many tokens, and
    /// what part of what it could read it read, in percent; or why not.
    async fn ask(messages: Vec<Message>, most: usize) -> (usize, Result<usize, LlmError>) {
        let mut asked = 1;
        let repair = Repair::new(Reader(most));
        let reply = fold(repair.stream(Request::new(messages)), |delta| {
            asked += usize::from(matches!(delta, Delta::Notice(Notice::Retry { .. })));
        });
        let read = reply.await.map(|reply| reply.content[0].as_text().unwrap().parse::<usize>().unwrap());
        (asked, read.map(|read| read * 100 / most))
    }

    #[tokio::test]
    async fn field_44_a_prompt_that_is_too_long_is_mended_in_two_tries_whatever_is_long_in_it() {
        let text = |letter: &str, count: usize| Block::text(letter.repeat(count));
        let document = || {
            let source =
                json!({"type": "base64", "media_type": "application/pdf", "data": "A".repeat(500_000)});
            Block::from_json(Json::from(json!({"type": "document", "source": source}))).unwrap()
        };
        let said = |blocks| Message::user(blocks);
        let model = |letter: &str, count| Message::assistant(letter.repeat(count));
        let check = async |what: &str, messages: Vec<Message>, most: usize, tries: usize, least: usize| {
            let (asked, read) = ask(messages, most).await;
            let read = read.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!((asked - 1, read >= least), (tries, true), "{what}: {read} % are read");
        };
        let go = || said(vec![Block::text("Go.")]);
        check("one result", vec![go(), brought(vec![text("w", 2_000_000)])], 200_000, 1, 90).await;
        let many = (0..1_000).map(|_| brought(vec![text("w", 4_000)]));
        check("many results", [go()].into_iter().chain(many).collect(), 200_000, 1, 80).await;
        check("600 pictures", vec![said(vec![picture(); 600])], 1_000_000, 1, 90).await;
        check(
            "pictures and words",
            vec![said(vec![picture(); 90]), brought(vec![text("w", 900_000)])],
            200_000,
            2,
            50,
        )
        .await;
        check("documents", vec![said(vec![document(); 50])], 200_000, 1, 70).await;
        check("dots", vec![go(), model("w", 400_000), brought(vec![text(".", 3_000_000)])], 200_000, 2, 70)
            .await;
        check("digits", vec![go(), model("w", 400_000), brought(vec![text("1", 300_000)])], 200_000, 1, 50)
            .await;
        check(
            "the model's digits",
            vec![go(), model("1", 150_000), brought(vec![text(".", 3_000_000)])],
            200_000,
            2,
            80,
        )
        .await;
        check("far too much", vec![go(), brought(vec![text("w", 4_000_000)])], 1_000, 1, 50).await;
    }

    #[tokio::test]
    async fn field_44_what_the_user_said_is_never_cut_and_the_error_says_that_it_is_too_long() {
        let asked = Message::user(vec![Block::text("Sum up."), words(1_200_000), words(300_000)]);
        let (requests, read) = ask(vec![asked.clone()], 200_000).await;
        let error = read.unwrap_err();
        assert_eq!((requests, error.kind, error.is_retryable()), (1, LlmErrorKind::PromptTooLong, false));
        insta::assert_snapshot!(error, @"the request is too long: prompt is too long: 375019 tokens > 200000 maximum; shorten this yourself, since it is not cut: what the user said (1500082 bytes, 1200025 of them in messages.0.content.1) (status 400)");
        // What can be left out is, before that is said.
        let (requests, read) = ask(vec![asked, brought(vec![words(100_000), picture()])], 200_000).await;
        assert_eq!((requests, read.unwrap_err().kind), (2, LlmErrorKind::PromptTooLong));
        let mut own = Request::new(vec![Message::user("Go.")]);
        own.system = vec![words(500_000)];
        own.tools = [ToolSpec::new("f", "d".repeat(90_000), json!({"type": "object"}))].into();
        let error = described(&own, refused(400, "prompt is too long: 9 tokens > 1 maximum"));
        insta::assert_snapshot!(error.message, @"prompt is too long: 9 tokens > 1 maximum; shorten this yourself, since it is not cut: the system prompt (500025 bytes), and the tools (90017 bytes)");
        own.extra.insert("messages".to_owned(), Json::from(json!([])));
        let error = described(&own, refused(400, "prompt is too long: 9 tokens > 1 maximum"));
        insta::assert_snapshot!(error.message, @"prompt is too long: 9 tokens > 1 maximum; the program's own `messages` are not cut");
    }
}
