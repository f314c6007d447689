//! The metrics.

use std::time::Duration;

use agent_core::Usage;
use opentelemetry::{
    KeyValue,
    metrics::{Counter, Histogram, Meter},
};

use super::names::{Vocabulary, own};

/// The boundaries that the conventions ask for: of seconds, of long times in seconds, of tokens,
/// and of numbers of calls.
const SECONDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const LONG: [f64; 13] = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6];
const TOKENS: [f64; 14] = [
    1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0,
    16777216.0, 67108864.0,
];
const CALLS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];
const CHUNK: [f64; 12] = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.2, 0.5, 1.0, 5.0];

/// The instruments of one meter. What a version of the conventions lacks is `None`.
pub(super) struct Metrics {
    names: &'static Vocabulary,
    duration: Histogram<f64>,
    first_chunk: Histogram<f64>,
    per_chunk: Histogram<f64>,
    /// Tokens of input and output in one histogram.
    token_usage: Option<Histogram<u64>>,
    usage: [Option<Counter<u64>>; 4],
    operation: [Option<Histogram<u64>>; 2],
    agent_duration: Option<Histogram<f64>>,
    agent_calls: [Option<Histogram<u64>>; 2],
    tool_duration: Option<Histogram<f64>>,
    wait: Histogram<f64>,
    cost: Counter<f64>,
}

impl Metrics {
    pub(super) fn new(meter: &Meter, names: &'static Vocabulary) -> Self {
        let seconds = |name: &'static str, bounds: &[f64]| {
            meter.f64_histogram(name).with_unit("s").with_boundaries(bounds.to_vec()).build()
        };
        let numbers = |name: Option<&'static str>, unit: &'static str, bounds: &[f64]| {
            let histogram = |name| meter.u64_histogram(name).with_unit(unit);
            name.map(|name| histogram(name).with_boundaries(bounds.to_vec()).build())
        };
        let counter = |name: Option<&'static str>| {
            name.map(|name| meter.u64_counter(name).with_unit("{token}").build())
        };
        Self {
            names,
            duration: seconds(names.inference_duration, &SECONDS),
            first_chunk: seconds(names.inference_first_chunk, &CHUNK),
            per_chunk: seconds(names.inference_per_chunk, &CHUNK),
            token_usage: numbers(names.token_usage, "{token}", &TOKENS),
            usage: [names.usage_input, names.usage_output, names.usage_cache_read, names.usage_cache_write]
                .map(counter),
            operation: [names.operation_input, names.operation_output]
                .map(|name| numbers(name, "{token}", &TOKENS)),
            agent_duration: names.agent_duration.map(|name| seconds(name, &LONG)),
            agent_calls: [
                numbers(names.agent_inference_calls, "{inference_call}", &CALLS),
                numbers(names.agent_tool_calls, "{tool_call}", &CALLS),
            ],
            tool_duration: names.tool_duration.map(|name| seconds(name, &SECONDS)),
            wait: seconds(own::WAIT_DURATION, &SECONDS),
            cost: meter.f64_counter(own::COST).with_unit("USD").build(),
        }
    }

    /// A turn ended. `error` is in `attributes`.
    pub(super) fn turn(&self, duration: Duration, first: Option<Duration>, attributes: &[KeyValue]) {
        self.duration.record(duration.as_secs_f64(), attributes);
        if let Some(first) = first {
            self.first_chunk.record(first.as_secs_f64(), attributes);
        }
    }

    /// The time between two pieces of a reply.
    pub(super) fn chunk(&self, after: Duration, attributes: &[KeyValue]) {
        self.per_chunk.record(after.as_secs_f64(), attributes);
    }

    /// What a turn used. `is_complete` is whether there was a reply.
    pub(super) fn usage(&self, usage: &Usage, is_complete: bool, attributes: &[KeyValue]) {
        let (input, output) = (usage.all_input_tokens(), usage.output_tokens);
        let with = |name: Option<&'static str>, value: &'static str| {
            let more = name.map(|name| KeyValue::new(name, value));
            attributes.iter().cloned().chain(more).collect::<Vec<_>>()
        };
        // The server does not say which tokens were of pictures.
        let of_any_kind = with(self.names.token_modality, "unknown");
        let cached = [usage.cache_read_input_tokens, usage.cache_creation_input_tokens];
        for (counter, tokens) in self.usage.iter().zip([input, output, cached[0], cached[1]]) {
            if let Some(counter) = counter.as_ref().filter(|_| tokens > 0) {
                counter.add(tokens, &of_any_kind);
            }
        }
        if usage.cost.micros() > 0 {
            self.cost.add(dollars(usage), attributes);
        }
        if !is_complete {
            return;
        }
        for (histogram, tokens) in self.operation.iter().zip([input, output]) {
            if let Some(histogram) = histogram {
                histogram.record(tokens, attributes);
            }
        }
        if let Some(histogram) = &self.token_usage {
            histogram.record(input, &with(self.names.token_type, "input"));
            histogram.record(output, &with(self.names.token_type, "output"));
        }
    }

    /// An agent's work ended, after this many requests and calls.
    pub(super) fn agent(
        &self,
        duration: Duration,
        calls: [u64; 2],
        agent: &KeyValue,
        error: Option<&KeyValue>,
    ) {
        if let Some(histogram) = &self.agent_duration {
            let attributes: Vec<_> = [Some(agent), error].into_iter().flatten().cloned().collect();
            histogram.record(duration.as_secs_f64(), &attributes);
        }
        for (histogram, calls) in self.agent_calls.iter().zip(calls) {
            if let Some(histogram) = histogram {
                histogram.record(calls, std::slice::from_ref(agent));
            }
        }
    }

    /// A call ended.
    pub(super) fn tool(&self, duration: Duration, attributes: &[KeyValue]) {
        if let Some(histogram) = &self.tool_duration {
            histogram.record(duration.as_secs_f64(), attributes);
        }
    }

    /// A request or a call waited.
    pub(super) fn wait(&self, what: &'static str, duration: Duration, agent: &KeyValue) {
        let attributes = [KeyValue::new(own::WAIT_FOR, what), agent.clone()];
        self.wait.record(duration.as_secs_f64(), &attributes);
    }
}

/// The cost of a turn in dollars.
pub(super) fn dollars(usage: &Usage) -> f64 {
    usage.cost.micros() as f64 / 1e6
}
