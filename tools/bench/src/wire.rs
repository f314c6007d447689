//! The APIs that are spoken.

/// An API of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Wire {
    /// Claude's Messages API.
    Claude,
    /// OpenAI's chat completions.
    Chat,
    /// OpenAI's Responses API.
    Responses,
}

impl Wire {
    pub(crate) const ALL: [Self; 3] = [Self::Claude, Self::Chat, Self::Responses];

    /// The path of its requests, below that of a plot.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Claude => "v1/messages",
            Self::Chat => "v1/chat/completions",
            Self::Responses => "v1/responses",
        }
    }
}
