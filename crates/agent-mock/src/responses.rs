//! OpenAI's Responses API.

mod check;
mod events;
mod kept;
mod output;
mod reading;
mod response_object;

use std::{borrow::Cow, time::Duration};

pub use check::check_responses;
use check::check_with;
use hyper::{HeaderMap, body::Bytes};
use kept::Kept;
use output::Output;
use serde_json::{Value, json};

use crate::{
    Refusal, event_stream,
    openai::{OpenAi, PING, rules::Rules, tools::tokens},
    request_reading::RequestReading,
    response::text,
    vendor::Vendor,
    wire::{Said, Wire},
};

/// OpenAI's Responses API.
#[derive(Default)]
pub(crate) struct Responses {
    kept: Kept,
}

impl Wire for Responses {
    fn vendor(&self) -> &'static dyn Vendor {
        &OpenAi
    }

    fn complete(&self, body: Value) -> Result<Value, Refusal> {
        self.kept.complete(body)
    }

    fn attempt_key<'a>(&self, text: &'a str, body: &Value) -> Cow<'a, str> {
        match body["previous_response_id"].is_string() {
            true => json!([body["instructions"], body["tools"], body["input"]]).to_string().into(),
            false => text.into(),
        }
    }

    fn read(&self, body: &Value) -> RequestReading {
        reading::read(body)
    }

    fn check(&self, headers: &HeaderMap, body: &Value) -> Result<(), Refusal> {
        check_with(body, Rules::of(headers))
    }

    fn check_length(&self, body: &Value, most: usize) -> Result<(), Refusal> {
        if tokens(body, &["instructions", "input", "tools"]) <= most {
            return Ok(());
        }
        let message =
            "Your input exceeds the context window of this model. Please adjust your input and try again.";
        Err(Refusal::invalid(message).with_param("input").with_code("context_length_exceeded"))
    }

    fn keep(&self, said: Said<'_>) {
        self.kept.keep(said, Output::of(said).items());
    }

    fn unary(&self, said: Said<'_>) -> Result<Bytes, String> {
        check(said)?;
        Ok(text(&response_object::ended(&Output::of(said))))
    }

    fn events(&self, said: Said<'_>) -> Result<Vec<(Duration, Bytes)>, String> {
        check(said)?;
        Ok(events::events(&Output::of(said)))
    }

    fn ping(&self) -> Bytes {
        PING.into()
    }

    fn error_event(&self, error_type: &str, message: &str, place: usize) -> Bytes {
        let event = json!({
            "type": "error", "code": error_type, "message": message, "param": null, "sequence_number": place,
        });
        event_stream::event("error", &event.to_string())
    }
}

/// A reply is not made in the background.
fn check(said: Said<'_>) -> Result<(), String> {
    match said.request.body["background"] == true {
        true => Err("this server makes no replies in the background".to_owned()),
        false => Ok(()),
    }
}

/// The id of a reply.
fn id(said: Said<'_>) -> String {
    format!("resp_mock_{}", said.number)
}
