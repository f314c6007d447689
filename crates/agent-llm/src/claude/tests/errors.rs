//! Errors as servers write them in the place of a reply, or of a part of one.

use agent_core::{LlmError, model::LlmErrorKind};
use reqwest::{StatusCode, header::HeaderMap};

use super::Read;
use crate::transport::error::Failed;

use LlmErrorKind::{
    Authentication, Billing, Incomplete, InvalidRequest, Malformed, NotFound, Overloaded, RateLimit, Server,
};

/// Who writes it, the JSON, and what it says.
const IN_JSON: &[(&str, &str, LlmErrorKind, &str)] = &[
    (
        "the API",
        r#"{"type":"error","error":{"details":null,"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#,
        Overloaded,
        "Overloaded",
    ),
    (
        "the API",
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long"}}"#,
        InvalidRequest,
        "prompt is too long",
    ),
    (
        "the API",
        r#"{"type":"error","error":{"type":"rate_limit_error","message":"This would exceed your limit"}}"#,
        RateLimit,
        "This would exceed your limit",
    ),
    (
        "the API through a gateway",
        r#"{"error":{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}}"#,
        Overloaded,
        "Overloaded",
    ),
    (
        "llama.cpp",
        r#"{"error":{"code":400,"message":"request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":5000,"n_ctx":4096}}"#,
        InvalidRequest,
        "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it",
    ),
    (
        "llama.cpp",
        r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
        Server,
        "Loading model",
    ),
    (
        "llama.cpp, before",
        r#"{"code":500,"message":"context shift is disabled","type":"server_error"}"#,
        Server,
        "context shift is disabled",
    ),
    (
        "llama.cpp, before",
        r#"{"code":400,"message":"failed to parse grammar","type":"invalid_request_error"}"#,
        InvalidRequest,
        "failed to parse grammar",
    ),
    (
        "vLLM",
        r#"{"error":{"message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","param":null,"code":400}}"#,
        InvalidRequest,
        "This model's maximum context length is 4096 tokens.",
    ),
    (
        "vLLM, before",
        r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","param":null,"code":404}"#,
        NotFound,
        "The model `x` does not exist.",
    ),
    (
        "vLLM",
        r#"{"error":{"message":"EngineCore encountered an issue.","type":"InternalServerError","param":null,"code":500}}"#,
        Server,
        "EngineCore encountered an issue.",
    ),
    (
        "Ollama",
        r#"{"error":"model runner has unexpectedly stopped"}"#,
        Server,
        "model runner has unexpectedly stopped",
    ),
    (
        "Ollama",
        r#"{"type":"error","error":{"type":"not_found_error","message":"model 'x' not found"},"request_id":"req_2"}"#,
        NotFound,
        "model 'x' not found",
    ),
    (
        "LiteLLM",
        r#"{"error":{"message":"litellm.RateLimitError: AnthropicException - busy","type":"None","param":"None","code":"429"}}"#,
        RateLimit,
        "litellm.RateLimitError: AnthropicException - busy",
    ),
    (
        "LiteLLM",
        r#"{"error":{"message":"litellm.BadRequestError: no","type":null,"param":null,"code":"400"}}"#,
        InvalidRequest,
        "litellm.BadRequestError: no",
    ),
    (
        "LiteLLM",
        r#"{"error":{"message":"too long","type":"ContextWindowExceededError","code":"500"}}"#,
        InvalidRequest,
        "too long",
    ),
    (
        "LiteLLM",
        r#"{"error":{"message":"Budget has been exceeded!","type":"budget_exceeded","param":null,"code":"400"}}"#,
        InvalidRequest,
        "Budget has been exceeded!",
    ),
    (
        "OpenRouter",
        r#"{"id":"gen-1","object":"chat.completion.chunk","error":{"code":"server_error","message":"Provider disconnected"},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#,
        Server,
        "Provider disconnected",
    ),
    (
        "OpenRouter",
        r#"{"error":{"code":402,"message":"Insufficient credits","metadata":{}},"user_id":"u"}"#,
        Billing,
        "Insufficient credits",
    ),
    (
        "OpenRouter",
        r#"{"error":{"code":502,"message":"Provider returned error","metadata":{"raw":"{}"}}}"#,
        Server,
        "Provider returned error",
    ),
    (
        "servers that speak as OpenAI",
        r#"{"error":{"message":"too long","type":null,"param":"messages","code":"context_length_exceeded"}}"#,
        InvalidRequest,
        "too long",
    ),
    (
        "servers that speak as OpenAI",
        r#"{"error":{"message":"Incorrect API key provided","type":null,"code":"invalid_api_key"}}"#,
        Authentication,
        "Incorrect API key provided",
    ),
    ("servers that speak as OpenAI", r#"{"error":{"message":"no type"}}"#, Server, "no type"),
    ("FastAPI", r#"{"detail":"Not authenticated"}"#, Server, "Not authenticated"),
    (
        "FastAPI",
        r#"{"detail":[{"type":"missing","loc":["body","messages"],"msg":"Field required","input":{}}]}"#,
        InvalidRequest,
        "body.messages: Field required",
    ),
    (
        "Text Generation Inference",
        r#"{"error":"`inputs` must have less than 4096 tokens","error_type":"validation"}"#,
        InvalidRequest,
        "`inputs` must have less than 4096 tokens",
    ),
    (
        "Text Generation Inference",
        r#"{"error":"Model is overloaded","error_type":"overloaded"}"#,
        Overloaded,
        "Model is overloaded",
    ),
    (
        "Bedrock",
        r#"{"message":"Too many requests, please wait.","__type":"ThrottlingException"}"#,
        RateLimit,
        "Too many requests, please wait.",
    ),
    (
        "Vertex",
        r#"[{"error":{"code":429,"message":"Resource exhausted.","status":"RESOURCE_EXHAUSTED"}}]"#,
        RateLimit,
        "Resource exhausted.",
    ),
    (
        "Vertex",
        r#"{"error":{"message":"no such thing","status":"INVALID_ARGUMENT"}}"#,
        InvalidRequest,
        "no such thing",
    ),
    (
        "Azure",
        r#"{"statusCode":429,"message":"Rate limit is exceeded. Try again in 7 seconds."}"#,
        RateLimit,
        "Rate limit is exceeded. Try again in 7 seconds.",
    ),
    (
        "Cloudflare",
        r#"{"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"messages":[],"result":null}"#,
        Server,
        "Authentication error",
    ),
    (
        "Cloudflare",
        r#"{"type":"https://developers.cloudflare.com/errors/1015/","title":"Error 1015: You are being rate limited","status":429,"detail":"The owner has banned you temporarily","error_code":1015}"#,
        RateLimit,
        "Error 1015: You are being rate limited: The owner has banned you temporarily",
    ),
    (
        "RFC 9457",
        r#"{"type":"about:blank","title":"Bad Request","status":400}"#,
        InvalidRequest,
        "Bad Request",
    ),
    (
        "Kong",
        r#"{"message":"An unexpected error occurred","request_id":"1"}"#,
        Server,
        "An unexpected error occurred",
    ),
    ("somebody", r#"{"type":"error","message":"no object","code":400}"#, InvalidRequest, "no object"),
];

/// What is no JSON, as it stands in the body of a stream.
const IN_WORDS: &[(&str, &str, LlmErrorKind, &str)] = &[
    ("words of an error", "event: error\ndata: the GPU is on fire\n\n", Server, "the GPU is on fire"),
    ("nothing of an error", "event: error\ndata:\n\n", Server, "an error event without a message"),
    ("nothing of an error", "event: error\ndata: null\n\n", Server, "an error event without a message"),
    ("a text of an error", "event: error\ndata: \"down\"\n\n", Server, "down"),
    ("lines of an error", "event: error\ndata: down\ndata: for a while\n\n", Server, "down\nfor a while"),
    (
        "words of no name",
        "data: Service Unavailable\n\n",
        Malformed,
        "event \"\": expected value at line 1 column 1: Service Unavailable",
    ),
    (
        "llama.cpp, before",
        "error: {\"code\":500,\"message\":\"slot unavailable\",\"type\":\"server_error\"}\n\n",
        Server,
        "slot unavailable",
    ),
    ("words of a field", "error: down\n\n", Server, "down"),
    (
        "nginx",
        "<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n</html>\r\n",
        Incomplete,
        "the stream ended before message_stop; it said: <html>\n<head><title>504 Gateway Time-out</title></head>\n</html>",
    ),
    (
        "Cloudflare",
        "error code: 524",
        Incomplete,
        "the stream ended before message_stop; it said: error code: 524",
    ),
    (
        "Envoy",
        "upstream connect error or disconnect/reset before headers. reset reason: overflow",
        Incomplete,
        "the stream ended before message_stop; it said: upstream connect error or disconnect/reset before headers. reset reason: overflow",
    ),
];

fn streamed(body: &str) -> LlmError {
    Read::of([body.as_bytes()]).fold().unwrap_err()
}

/// The ways that an error may come in the body of a stream.
fn ways(json: &str) -> Vec<String> {
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    let pretty = serde_json::to_string_pretty(&value).unwrap();
    let lines: String = pretty.lines().map(|line| format!("data: {line}\n")).collect();
    let named = format!("event: error\ndata: {json}\n\n");
    let begun = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n";
    let text = "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n";
    vec![
        json.to_owned(),
        format!("\n\n{pretty}\n"),
        format!("data: {json}\n\n"),
        format!("data:{json}\n\ndata: [DONE]\n\n"),
        format!("event: message\ndata: {json}\n\n"),
        format!("{begun}{text}data: {json}\n\n"),
        format!("{begun}{text}{named}data: {{\"type\":\"message_stop\"}}\n\n"),
        format!("{begun}event: content_block_delta\n{lines}\n").replace(json, json),
        format!(": OPENROUTER PROCESSING\n\n{named}"),
        format!("\u{feff}{named}"),
        format!("event: error\n: in between\n{lines}\n"),
        named.replace('\n', "\r\n"),
        named.replace('\n', "\r"),
        named.trim_end().to_owned(),
        named,
        format!("error: {json}\n\n"),
    ]
}

#[test]
fn field_58_an_error_is_told_as_it_is_whoever_writes_it_and_however_it_comes() {
    let mut wrong = Vec::new();
    let mut check = |who: &str, body: &str, error: LlmError, kind: LlmErrorKind, message: &str| {
        let retried = !matches!(kind, InvalidRequest | Authentication | Billing | NotFound);
        if (error.kind, &*error.message, error.is_retryable()) != (kind, message, retried) {
            wrong
                .push(format!("{who}: {body}\n  {kind:?}: {message}\n  {:?}: {}", error.kind, error.message));
        }
    };
    for (who, json, kind, message) in IN_JSON {
        for body in ways(json) {
            check(who, &body, streamed(&body), *kind, message);
        }
        // In the place of a reply that is not streamed.
        let read = crate::claude::messages::reply(json);
        let headers = HeaderMap::new();
        let failed = Failed { status: StatusCode::OK, headers: &headers, request_id: None, body: json };
        let error = failed.instead_of("a message");
        check(
            who,
            json,
            if read.is_ok() { LlmError::new(LlmErrorKind::Other, "it is read") } else { error },
            *kind,
            message,
        );
    }
    for (who, body, kind, message) in IN_WORDS {
        check(who, body, streamed(body), *kind, message);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn field_58_what_comes_behind_a_whole_reply_is_no_error_of_it() {
    let stop = "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n";
    for (_, json, ..) in IN_JSON {
        for body in ways(json) {
            let body = format!("{stop}{body}");
            assert!(Read::of([body.as_bytes()]).fold().is_ok(), "{body}");
        }
    }
}
