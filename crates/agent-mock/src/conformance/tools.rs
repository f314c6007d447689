//! The tools of the kit's agent.

use std::sync::{Arc, Mutex, PoisonError};

use agent_core::{Block, Content, Context, Json, Outcome, Tool, ToolSpec, async_trait};
use serde_json::{Value, json};

/// The tool that says how the weather is.
pub(super) const WEATHER: &str = "weather";

/// A tool with a name as long as every API takes, with a digit first.
pub(super) const ODD: &str = "9-Lives_of-a-name-that-is-as-long-as-the-shortest-limit-allows_0";

/// The tool that always fails.
pub(super) const BROKEN: &str = "broken";

/// The tool that takes a picture.
pub(super) const CAMERA: &str = "camera";

/// What [`BROKEN`] says.
pub(super) const ERROR: &str = "the thermometer fell down";

/// What [`CAMERA`] says beside its picture.
pub(super) const CAPTION: &str = "a red dot";

/// A picture of one red pixel.
pub(super) const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";

/// The calls that were made: name and input.
pub(super) type Made = Arc<Mutex<Vec<(String, Value)>>>;

/// A tool that notes its calls.
struct Noting {
    spec: ToolSpec,
    made: Made,
}

/// What the model reads of the tools.
pub(super) fn specs() -> Vec<ToolSpec> {
    let city = json!({"type": "object", "properties": {"city": {"type": "string", "description": "its English name"}}});
    let nothing = json!({"type": "object", "properties": {}});
    vec![
        ToolSpec::new(WEATHER, "Says how the weather is.", city.clone()),
        ToolSpec::new(ODD, "Has an odd name.", city),
        ToolSpec::new(BROKEN, "Always fails.", nothing.clone()),
        ToolSpec::new(CAMERA, "Takes a picture.", nothing),
    ]
}

/// The tools, and the calls that they will make.
pub(super) fn tools() -> (Vec<Arc<dyn Tool>>, Made) {
    let made = Made::default();
    let tool = |spec| Arc::new(Noting { spec, made: made.clone() }) as Arc<dyn Tool>;
    (specs().into_iter().map(tool).collect(), made)
}

#[async_trait]
impl Tool for Noting {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, input: Json, _: Context) -> Outcome {
        let input: Value = input.parse().unwrap_or_default();
        let city = input["city"].as_str().unwrap_or("nowhere").to_owned();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.push((self.spec.name.clone(), input));
        match self.spec.name.as_str() {
            BROKEN => Outcome::Error(ERROR.into()),
            CAMERA => {
                let picture = vec![Block::text(CAPTION), Block::image("image/png", PNG)];
                Outcome::Output(Content::Blocks(picture))
            }
            _ => Outcome::Output(format!("sun in {city}").into()),
        }
    }
}
