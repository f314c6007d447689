//! The names of attributes and metrics, in the versions of the conventions that we speak.

pub(super) mod own;
mod v0_1;
mod v1_41;

/// Which version of the conventions for generative AI the names of spans, attributes and metrics
/// follow. All versions are marked as being in development, and backends read different ones.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// Version 0.1.0 of the [conventions for generative
    /// AI](https://github.com/open-telemetry/semantic-conventions-genai), the first that is
    /// published by itself.
    #[default]
    V0_1,
    /// Version 1.41 of the [general
    /// conventions](https://github.com/open-telemetry/semantic-conventions), the last that included
    /// generative AI. It has no metrics of agents and tools.
    V1_41,
}

impl Names {
    pub(super) fn vocabulary(self) -> &'static Vocabulary {
        match self {
            Self::V0_1 => &v0_1::NAMES,
            Self::V1_41 => &v1_41::NAMES,
        }
    }
}

/// Makes the struct of all names, which each version fills.
macro_rules! vocabulary {
    ($($name:ident: $text:ty,)*) => {
        /// The names of one version. `None` is what that version does not have.
        pub(super) struct Vocabulary {
            /// The URL of the version's schema.
            pub(super) schema_url: Option<&'static str>,
            /// Whether the span of an agent has the provider and the cached tokens, too.
            pub(super) agent_has_provider: bool,
            /// Whether a message that the model wrote says why it ended.
            pub(super) message_has_finish_reason: bool,
            /// The field of a tool's result in the JSON of a message. It is not an attribute.
            pub(super) result_field: ResultField,
            $(pub(super) $name: $text,)*
        }

        #[cfg(test)]
        impl Vocabulary {
            /// All attributes and metrics.
            fn all(&self) -> Vec<&'static str> {
                let mut all = Vec::new();
                $(all.extend(Name::of(self.$name));)*
                all
            }
        }
    };
}

/// The field of a tool's result in the JSON of a message.
#[derive(Clone, Copy)]
pub(super) enum ResultField {
    Response,
    Result,
}

vocabulary! {
    // Attributes.
    operation_name: &'static str,
    provider_name: &'static str,
    conversation_id: &'static str,
    conversation_compacted: Option<&'static str>,
    agent_name: &'static str,
    request_model: &'static str,
    request_max_tokens: &'static str,
    request_temperature: &'static str,
    request_top_p: &'static str,
    request_top_k: &'static str,
    request_stop_sequences: &'static str,
    output_type: &'static str,
    system_instructions: &'static str,
    tool_definitions: &'static str,
    response_id: &'static str,
    response_model: &'static str,
    finish_reasons: &'static str,
    time_to_first_chunk: &'static str,
    input_tokens: &'static str,
    output_tokens: &'static str,
    cache_read_tokens: &'static str,
    cache_write_tokens: &'static str,
    input_messages: &'static str,
    output_messages: &'static str,
    tool_name: &'static str,
    tool_type: &'static str,
    tool_call_id: &'static str,
    tool_call_arguments: &'static str,
    tool_call_result: &'static str,
    transfer_mode: &'static str,
    transfer_target_name: &'static str,
    transfer_target_type: &'static str,
    token_type: Option<&'static str>,
    token_modality: Option<&'static str>,
    error_type: &'static str,
    server_address: &'static str,
    server_port: &'static str,
    // Metrics.
    inference_duration: &'static str,
    inference_first_chunk: &'static str,
    inference_per_chunk: &'static str,
    token_usage: Option<&'static str>,
    usage_input: Option<&'static str>,
    usage_output: Option<&'static str>,
    usage_cache_read: Option<&'static str>,
    usage_cache_write: Option<&'static str>,
    operation_input: Option<&'static str>,
    operation_output: Option<&'static str>,
    agent_duration: Option<&'static str>,
    agent_inference_calls: Option<&'static str>,
    agent_tool_calls: Option<&'static str>,
    tool_duration: Option<&'static str>,
}

/// A name that every version has, or only some.
#[cfg(test)]
trait Name {
    fn of(self) -> Option<&'static str>;
}

#[cfg(test)]
impl Name for &'static str {
    fn of(self) -> Option<&'static str> {
        Some(self)
    }
}

#[cfg(test)]
impl Name for Option<&'static str> {
    fn of(self) -> Option<&'static str> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What version 0.1.0 has, of all that we use.
    const V0_1: &str = "
        error.type server.address server.port
        gen_ai.output.type gen_ai.request.max_tokens gen_ai.request.stop_sequences
        gen_ai.request.temperature gen_ai.request.top_k gen_ai.request.top_p gen_ai.system_instructions
        gen_ai.tool.definitions
        gen_ai.agent.name gen_ai.conversation.compacted gen_ai.conversation.id gen_ai.input.messages
        gen_ai.operation.name gen_ai.output.messages gen_ai.provider.name gen_ai.request.model
        gen_ai.response.finish_reasons gen_ai.response.id gen_ai.response.model
        gen_ai.response.time_to_first_chunk gen_ai.token.modality gen_ai.tool.call.arguments
        gen_ai.tool.call.id gen_ai.tool.call.result gen_ai.tool.name gen_ai.tool.type
        gen_ai.usage.cache_read.input_tokens gen_ai.usage.cache_write.input_tokens
        gen_ai.usage.input_tokens gen_ai.usage.output_tokens
        gen_ai.client.inference.duration gen_ai.client.inference.time_per_output_chunk
        gen_ai.client.inference.time_to_first_chunk gen_ai.client.inference.operation.input_tokens
        gen_ai.client.inference.operation.output_tokens
        gen_ai.client.inference.usage.cache_read.input_tokens
        gen_ai.client.inference.usage.cache_write.input_tokens
        gen_ai.client.inference.usage.input_tokens gen_ai.client.inference.usage.output_tokens
        gen_ai.execute_tool.duration gen_ai.invoke_agent.duration
        gen_ai.invoke_agent.inference_calls gen_ai.invoke_agent.tool_calls";

    /// The same of version 1.41.
    const V1_41: &str = "
        error.type server.address server.port
        gen_ai.output.type gen_ai.request.max_tokens gen_ai.request.stop_sequences
        gen_ai.request.temperature gen_ai.request.top_k gen_ai.request.top_p gen_ai.system_instructions
        gen_ai.tool.definitions
        gen_ai.agent.name gen_ai.conversation.id gen_ai.input.messages gen_ai.operation.name
        gen_ai.output.messages gen_ai.provider.name gen_ai.request.model
        gen_ai.response.finish_reasons gen_ai.response.id gen_ai.response.model
        gen_ai.response.time_to_first_chunk gen_ai.token.type gen_ai.tool.call.arguments
        gen_ai.tool.call.id gen_ai.tool.call.result gen_ai.tool.name gen_ai.tool.type
        gen_ai.usage.cache_creation.input_tokens gen_ai.usage.cache_read.input_tokens
        gen_ai.usage.input_tokens gen_ai.usage.output_tokens
        gen_ai.client.operation.duration gen_ai.client.operation.time_per_output_chunk
        gen_ai.client.operation.time_to_first_chunk gen_ai.client.token.usage";

    /// What is only proposed for the conventions. It is behind a switch.
    const PROPOSED: &str = "gen_ai.transfer.mode gen_ai.transfer.target.name gen_ai.transfer.target.type";

    #[test]
    fn each_version_has_the_names_of_its_list() {
        let check = |names: Names, list: &str| {
            let mut ours = names.vocabulary().all();
            let mut expected: Vec<&str> =
                [list, PROPOSED].into_iter().flat_map(str::split_whitespace).collect();
            ours.sort_unstable();
            expected.sort_unstable();
            assert_eq!(ours, expected, "{names:?}");
        };
        check(Names::V0_1, V0_1);
        check(Names::V1_41, V1_41);
    }
}
