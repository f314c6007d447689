//! The prompts of the suite.

use rmcp::{
    ErrorData,
    model::{
        ContentBlock, GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, ResourceContents,
        Role,
    },
};

use crate::media::PNG;

/// The prompt that asks the client's user something first.
pub(crate) const ASKS: &str = "test_input_required_result_prompt";

pub(crate) fn all() -> Vec<Prompt> {
    let prompt = |name: &str, arguments: &[&str]| {
        let argument = |name: &&str| PromptArgument::new(*name).with_required(true);
        let arguments: Vec<PromptArgument> = arguments.iter().map(argument).collect();
        Prompt::new(name, Some("A prompt for testing."), (!arguments.is_empty()).then_some(arguments))
    };
    vec![
        prompt("test_simple_prompt", &[]),
        prompt("test_prompt_with_arguments", &["arg1", "arg2"]),
        prompt("test_prompt_with_embedded_resource", &["resourceUri"]),
        prompt("test_prompt_with_image", &[]),
        prompt(ASKS, &[]),
    ]
}

pub(crate) fn message(name: &str, arguments: &JsonObject) -> Result<GetPromptResult, ErrorData> {
    let argument = |name: &str| {
        let missing = || ErrorData::invalid_params(format!("the argument {name:?} is missing"), None);
        arguments.get(name).and_then(|value| value.as_str()).ok_or_else(missing)
    };
    let user = |content: ContentBlock| PromptMessage::new(Role::User, content);
    let says = |text: String| user(ContentBlock::text(text));
    let messages = match name {
        "test_simple_prompt" => vec![says("This is a simple prompt for testing.".to_owned())],
        "test_prompt_with_arguments" => {
            let (first, second) = (argument("arg1")?, argument("arg2")?);
            vec![says(format!("Prompt with arguments: arg1='{first}', arg2='{second}'"))]
        }
        "test_prompt_with_embedded_resource" => {
            let text = "Embedded resource content for testing.";
            let resource =
                ResourceContents::text(text, argument("resourceUri")?).with_mime_type("text/plain");
            let shown = user(ContentBlock::resource(resource));
            vec![shown, says("Please process the embedded resource above.".to_owned())]
        }
        "test_prompt_with_image" => {
            let shown = user(ContentBlock::image(PNG, "image/png"));
            vec![shown, says("Please analyze the image above.".to_owned())]
        }
        _ => return Err(ErrorData::invalid_params(format!("there is no prompt named {name:?}"), None)),
    };
    Ok(GetPromptResult::new(messages))
}
