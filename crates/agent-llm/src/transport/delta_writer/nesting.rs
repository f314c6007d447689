//! Whether a JSON object that comes in parts is complete.

/// Follows the parts of a JSON object. It looks at each byte once and does not check the JSON.
#[derive(Debug, Default)]
pub(super) struct Nesting {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    is_complete: bool,
}

impl Nesting {
    pub(super) fn push(&mut self, part: &str) {
        for byte in part.bytes() {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' if self.in_string => self.is_escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.is_complete |= self.depth == 0;
                }
                _ => {}
            }
        }
    }

    /// Whether the object has been closed.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_complete_with_its_last_brace() {
        for json in ["{}", r#"{"a":{"b":[1,{}]}}"#, r#" {"a":"}\"}\\"}"#, r#"{"a\\":"{[\\\""}"#] {
            for end in 1..=json.len() {
                let mut nesting = Nesting::default();
                json[..end].split_inclusive('"').for_each(|part| nesting.push(part));
                assert_eq!(nesting.is_complete(), end == json.len(), "{}", &json[..end]);
            }
        }
    }
}
