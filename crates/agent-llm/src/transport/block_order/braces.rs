//! Whether the JSON of an input is whole.

/// Follows the JSON of an input, to tell whether it is a whole object. Each byte is looked at once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Braces {
    depth: usize,
    has_begun: bool,
    in_text: bool,
    is_escaped: bool,
}

impl Braces {
    pub(super) fn read(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = self.in_text,
                b'"' => self.in_text = !self.in_text,
                _ if self.in_text => {}
                b'{' | b'[' => (self.depth, self.has_begun) = (self.depth + 1, true),
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.has_begun && self.depth == 0 && !self.in_text
    }
}
