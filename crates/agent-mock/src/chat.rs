//! OpenAI's chat completions.

mod check;
mod reading;
mod reply;

use std::time::Duration;

pub use check::check_chat;
use check::check_with;
use hyper::{HeaderMap, body::Bytes};
use serde_json::{Value, json};

use crate::{
    Refusal, event_stream,
    openai::{OpenAi, PING, rules::Rules, tools::tokens},
    request_reading::RequestReading,
    vendor::Vendor,
    wire::{Said, Wire},
};

/// OpenAI's chat completions.
pub(crate) struct Chat;

impl Wire for Chat {
    fn vendor(&self) -> &'static dyn Vendor {
        &OpenAi
    }

    fn read(&self, body: &Value) -> RequestReading {
        reading::read(body)
    }

    fn check(&self, headers: &HeaderMap, body: &Value) -> Result<(), Refusal> {
        check_with(body, Rules::of(headers))
    }

    fn check_length(&self, body: &Value, most: usize) -> Result<(), Refusal> {
        let tokens = tokens(body, &["messages", "tools"]);
        if tokens <= most {
            return Ok(());
        }
        let message = format!(
            "This model's maximum context length is {most} tokens. However, your messages resulted in {tokens} \
             tokens. Please reduce the length of the messages."
        );
        Err(Refusal::invalid(message).with_param("messages").with_code("context_length_exceeded"))
    }

    fn unary(&self, said: Said<'_>) -> Result<Bytes, String> {
        reply::unary(said)
    }

    fn events(&self, said: Said<'_>) -> Result<Vec<(Duration, Bytes)>, String> {
        reply::events(said)
    }

    fn ping(&self) -> Bytes {
        PING.into()
    }

    fn error_event(&self, error_type: &str, message: &str, _place: usize) -> Bytes {
        let error = json!({"message": message, "type": error_type, "param": null, "code": null});
        event_stream::event("", &json!({"error": error}).to_string())
    }
}
