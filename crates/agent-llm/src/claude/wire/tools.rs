//! The tools of a request, as the API reads them.

use agent_core::{Json, Request, ToolSpec};

use crate::json_text::{Object, list};

/// The agent's own tools, then those that run at the API's.
#[derive(Clone, Copy)]
enum Tool<'a> {
    Own(&'a ToolSpec),
    Server(&'a Json),
}

pub(super) fn has_tools(request: &Request) -> bool {
    !request.tools.is_empty() || !request.server_tools.is_empty()
}

pub(super) fn write(text: &mut Vec<u8>, request: &Request) {
    let tools = request.tools.iter().map(Tool::Own).chain(request.server_tools.iter().map(Tool::Server));
    list(text, tools, |text, tool| match tool {
        Tool::Own(spec) => define(text, spec),
        Tool::Server(json) => text.extend_from_slice(json.text().as_bytes()),
    });
}

fn define(text: &mut Vec<u8>, spec: &ToolSpec) {
    let ToolSpec { name, description, input_schema, extra, .. } = spec;
    let mut definition = Object::begin(text);
    definition.set("name", name);
    definition.set("description", description);
    definition.set_json("input_schema", input_schema);
    extra.iter().for_each(|(field, value)| definition.set_json(field, value));
    definition.end();
}
