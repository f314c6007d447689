//! How replies are divided into parts.

/// How the text of a reply is divided, if it is shown while the reply still streams.
///
/// A text is checked as soon as it has [`size`](Self::new) characters, up to the last end of a
/// sentence or line in it. Then it is shown. The guard also gets the end of what is shown already
/// ([`Output::before`](crate::Output)), because what it looks for may begin there.
///
/// If a guard refuses a later part, what was shown is withdrawn
/// ([`Delta::Restarted`](agent_core::Delta::Restarted)). But somebody may have read it. Calls are
/// held back until the whole reply is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    size: usize,
    overlap: usize,
}

impl Windows {
    /// Divides text into parts of about this many characters, with an overlap of a quarter.
    pub fn new(size: usize) -> Self {
        Self { size: size.max(1), overlap: size / 4 }
    }

    /// Sets how many characters of the text before it a guard sees with each part.
    pub fn overlap(self, overlap: usize) -> Self {
        Self { overlap, ..self }
    }

    /// Where the part ends that is to be checked now; `None` if the text is still too short.
    pub(super) fn end_of_part(&self, text: &str) -> Option<usize> {
        text.char_indices().nth(self.size - 1)?;
        let mut sentence = None;
        let mut word = None;
        let mut last = ' ';
        for (place, letter) in text.char_indices() {
            let end = place + letter.len_utf8();
            if letter.is_whitespace() {
                word = Some(end);
                if letter == '\n' || ['.', '!', '?', '。'].contains(&last) {
                    sentence = word;
                }
            }
            last = letter;
        }
        Some(sentence.or(word).unwrap_or(text.len()))
    }

    /// The last characters of what is shown.
    pub(super) fn tail(&self, text: &str) -> String {
        let from = text.chars().count().saturating_sub(self.overlap);
        text.chars().skip(from).collect()
    }
}
