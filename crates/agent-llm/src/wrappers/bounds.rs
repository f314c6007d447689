//! How large a request may be, and the notes that are sent in place of what is larger.

pub(crate) mod edits;
mod length;
mod media;
mod picture;
pub(crate) mod shorten;

use agent_core::{Message, Request};
use edits::Edits;
use shorten::Size;

/// How large pictures and requests may be. The defaults are the limits of the Messages API. Without
/// these bounds, one large picture would block a conversation: the API would refuse the request
/// that has it, and all later requests.
///
/// The bounds apply to messages of users and to results of tools. A part that is larger is replaced
/// in the request by a text that says what was left out. The messages of the conversation never
/// change. Sources: <https://docs.claude.com/en/docs/build-with-claude/vision>,
/// <https://docs.claude.com/en/api/overview#request-size-limits>, and the API's own errors.
///
/// ```
/// use agent_llm::{Bounds, Claude};
///
/// // A model with a context of a million tokens takes 600 pictures.
/// let mut bounds = Bounds::default();
/// bounds.media = 600;
/// let settings = Claude::builder().bounds(bounds);
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How many bytes a picture may have as base64. By default 5,242,880 (5 MB), which is a file of
    /// 3,932,160 bytes.
    pub picture_bytes: usize,
    /// How many pixels a side of a picture may have. By default 8,000.
    pub picture_side: u32,
    /// The most pictures that a request may have without the smaller bound
    /// [`side_of_many`](Self::side_of_many). By default 20. If there are more, the oldest pictures
    /// with a longer side than `side_of_many` are left out, until there are no more than this
    /// number of pictures, or no picture is too large.
    pub many_pictures: usize,
    /// How many pixels a side of a picture may have in a request with more than
    /// [`many_pictures`](Self::many_pictures). By default 2,000.
    pub side_of_many: u32,
    /// How many pictures and documents a request may have together. By default 100. Models with a
    /// context of over 200,000 tokens accept 600. If there are more, the oldest are left out.
    pub media: usize,
    /// How many bytes a request may have. By default 32,000,000. In a larger request, the longest
    /// texts of users and tools are cut, and the oldest pictures and documents are left out.
    pub request_bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            picture_bytes: 5 * 1024 * 1024,
            picture_side: 8_000,
            many_pictures: 20,
            side_of_many: 2_000,
            media: 100,
            request_bytes: 32_000_000,
        }
    }
}

impl Bounds {
    /// No bounds: everything is sent as it is.
    pub fn none() -> Self {
        Self {
            picture_bytes: usize::MAX,
            picture_side: u32::MAX,
            many_pictures: usize::MAX,
            side_of_many: u32::MAX,
            media: usize::MAX,
            request_bytes: usize::MAX,
        }
    }

    /// The request within these bounds, and what was done for that.
    pub(crate) fn fit(&self, request: Request) -> (Request, Vec<String>) {
        // Who gives the messages as a field has them their own way.
        if *self == Self::none() || request.extra.contains_key("messages") {
            return (request, Vec::new());
        }
        let mut edits = Edits::default();
        if request.messages.iter().any(Message::has_media) {
            media::too_large_or_many(&request, self, &mut edits);
        }
        let mut said = std::mem::take(&mut edits.said);
        let request = edits.apply(request);
        if Size::of_all(&request) <= self.request_bytes {
            return (request, said);
        }
        let why = format!("a request may have {} bytes", self.request_bytes);
        let edits = shorten::to_bytes(&request, self.request_bytes, &why);
        said.extend_from_slice(&edits.said);
        (edits.apply(request), said)
    }
}

/// How many pictures and documents there are.
pub(crate) fn count_media(request: &Request) -> usize {
    media::media(request).len()
}

// What it makes is shown to Claude's API.
#[cfg(all(test, feature = "claude"))]
mod tests {
    use agent_core::{Block, Content};
    use serde_json::{Value, json};

    use super::{
        picture::files::{base64, png},
        *,
    };

    fn picture(side: u32) -> Block {
        Block::image("image/png", &base64(&png(side, 10)))
    }

    fn heavy(bytes: usize) -> Block {
        Block::image("image/png", &"A".repeat(bytes))
    }

    fn document(bytes: usize) -> Block {
        let source = json!({"type": "base64", "media_type": "application/pdf", "data": "A".repeat(bytes)});
        serde_json::from_value(json!({"type": "document", "source": source})).unwrap()
    }

    /// What the user says, and what a tool brings, each with these blocks.
    fn request(said: Vec<Block>, result: Vec<Block>) -> Request {
        let result = Block::tool_result("a", result.into(), false);
        let call = Block::tool_use("a", "f", json!({}));
        Request::new(vec![Message::user(said), Message::assistant(vec![call]), Message::user(vec![result])])
    }

    /// What of the blocks is sent: texts, and `#` for a picture or a document as it was.
    fn sent(request: &Request) -> Vec<String> {
        let word = |block: &Block| block.as_text().map_or_else(|| "#".to_owned(), str::to_owned);
        let mut words: Vec<String> = request.messages[0].content().iter().map(word).collect();
        for (_, content, _) in request.messages[2].tool_results() {
            match content {
                Content::Text(text) => words.push(text.clone()),
                Content::Blocks(blocks) => words.extend(blocks.iter().map(word)),
            }
        }
        words
    }

    fn check(bounds: &Bounds, request: &Request, expected: &[&str], parts: &[&str]) {
        let (bounded, said) = bounds.fit(request.clone());
        assert_eq!(sent(&bounded), expected);
        let places: Vec<&str> = said.iter().filter_map(|said| said.split(':').next()).collect();
        assert_eq!(places, parts, "{said:?}");
        assert_eq!(bounds.fit(bounded.clone()), (bounded, Vec::new()), "again");
    }

    /// What the API says to it.
    fn refused(request: &Request) -> Option<String> {
        let tool = agent_core::ToolSpec::new("f", "", json!({"type": "object"}));
        let mut request = request.clone();
        request.tools = [tool].into();
        let body: Value =
            serde_json::from_slice(&crate::claude::body(&crate::ClaudeBuilder::default(), &request)).unwrap();
        agent_mock::check(&body).err().map(|refusal| refusal.message)
    }

    #[test]
    fn field_44_a_picture_that_is_too_large_becomes_a_note_where_it_stood() {
        let bounds = Bounds::default();
        let over = heavy(bounds.picture_bytes + 1);
        let heavy_note = "[left out: a picture of 5242881 bytes as base64, where 5242880 are allowed]";
        let wide_note = "[left out: a picture of 8001 x 10 pixels, where 8000 a side are allowed]";
        let said = vec![Block::text("See."), over.clone(), heavy(bounds.picture_bytes), picture(8_000)];
        let whole = request(said, vec![picture(8_001), Block::text("Done."), over]);
        assert!(refused(&whole).is_some());
        check(
            &bounds,
            &whole,
            &["See.", heavy_note, "#", "#", wide_note, "Done.", heavy_note],
            &["messages.0.content.1", "messages.2.content.0.content.0", "messages.2.content.0.content.2"],
        );
        assert_eq!(refused(&bounds.fit(whole).0), None);
        check(&bounds, &request(vec![picture(1)], vec![Block::text("x")]), &["#", "x"], &[]);
    }

    #[test]
    fn field_44_of_too_many_pictures_and_documents_the_oldest_are_left_out() {
        let bounds = Bounds::default();
        let many = |count: usize| vec![picture(10); count];
        let note = "[left out: a picture, one of the oldest: a request may have 100 pictures and documents]"
            .to_owned();
        let mut said = many(2);
        said.push(document(9));
        let whole = request(said, many(99));
        assert!(refused(&whole).is_some());
        let (bounded, parts) = bounds.fit(whole);
        assert_eq!(
            (sent(&bounded)[..4].to_vec(), parts.len()),
            (vec![note.clone(), note, "#".to_owned(), "#".to_owned()], 2)
        );
        assert_eq!(refused(&bounded), None);
        assert!(bounds.fit(request(many(50), many(50))).1.is_empty());
    }

    #[test]
    fn field_44_among_many_pictures_the_oldest_wide_ones_make_room() {
        let bounds = Bounds::default();
        let wide =
            "[left out: a picture of 2001 pixels a side, where 2000 are allowed since there are over 20]";
        // 22 pictures, 3 of them wide: two make room for the third.
        let said = vec![picture(2_001), picture(2_000), picture(2_001), picture(2_001)];
        let whole = request(said, vec![picture(9); 18]);
        assert!(refused(&whole).is_some());
        let (bounded, parts) = bounds.fit(whole);
        assert_eq!(sent(&bounded)[..4], [wide, "#", wide, "#"]);
        assert_eq!((parts.len(), refused(&bounded)), (2, None));
        assert!(bounds.fit(request(vec![picture(8_000); 10], vec![picture(8_000); 10])).1.is_empty());
    }

    #[test]
    fn field_44_a_request_that_is_too_long_is_cut_where_it_is_longest() {
        let bounds = Bounds { request_bytes: 100_000, ..Bounds::default() };
        let words = |letter: &str, count: usize| Block::text(letter.repeat(count));
        let whole = request(vec![words("a", 30_000), words("b", 200_000)], vec![words("\"", 100_000)]);
        let (bounded, parts) = bounds.fit(whole);
        let lengths: Vec<usize> = sent(&bounded).iter().map(String::len).collect();
        assert_eq!(lengths[0], 30_000, "who needs less is left alone");
        let note = " of 200000 bytes are shown, since a request may have 100000 bytes]";
        assert!(sent(&bounded)[1].ends_with(note), "{:?}", sent(&bounded)[1].split_once('['));
        // A quote takes two bytes.
        assert!(
            (30_000..36_000).contains(&lengths[1]) && (15_000..18_000).contains(&lengths[2]),
            "{lengths:?}"
        );
        assert_eq!(parts.len(), 2);
        let body = crate::claude::body(&crate::ClaudeBuilder::default(), &bounded).len();
        assert!((90_000..=100_000).contains(&body), "{body}");
        assert_eq!(bounds.fit(bounded.clone()), (bounded, Vec::new()), "again");
        // A result that is one text, and not blocks.
        let long = Block::tool_result("a", "c".repeat(200_000).into(), true);
        let mut whole = request(vec![Block::text("Go.")], vec![]);
        whole.messages[2] = Message::user(vec![long]);
        let (bounded, _) = bounds.fit(whole);
        let (_, content, is_error) = bounded.messages[2].tool_results().next().unwrap();
        assert!(is_error && content.to_text().len() < 100_000);
    }

    #[test]
    fn field_44_documents_and_pictures_make_room_the_oldest_first() {
        let bounds = Bounds { request_bytes: 100_000, ..Bounds::default() };
        let note = |name: &str| {
            format!("[left out: {name}, one of the oldest, since a request may have 100000 bytes]")
        };
        check(
            &bounds,
            &request(vec![document(60_000), heavy(30_000)], vec![heavy(30_000), Block::text("Done.")]),
            &[&note("a document"), "#", "#", "Done."],
            &["messages.0.content.0"],
        );
        // Texts may have half of the room.
        let whole = request(vec![heavy(60_000), Block::text("a".repeat(90_000))], vec![heavy(30_000)]);
        let (bounded, _) = bounds.fit(whole);
        let lengths: Vec<usize> = sent(&bounded).iter().map(String::len).collect();
        assert_eq!((lengths[0], lengths[2]), (note("a picture").len(), 1));
        assert!((45_000..50_000).contains(&lengths[1]), "{lengths:?}");
    }

    #[test]
    fn field_44_without_bounds_all_is_sent() {
        let whole = request(vec![heavy(6_000_000), picture(9_000)], vec![]);
        assert_eq!(Bounds::none().fit(whole.clone()), (whole, Vec::new()));
    }
}
