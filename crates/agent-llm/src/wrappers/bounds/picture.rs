//! How large a picture is, by the head of its file.

use std::borrow::Cow;

use agent_core::Block;
use memchr::{memchr, memmem};
use serde::Deserialize;

/// The base64 of a picture or a document; nothing if it is kept elsewhere.
///
/// A picture may have millions of bytes, and each request looks at each of them: so it is looked
/// for in the block's text.
pub(super) fn base64(block: &Block) -> Option<Cow<'_, str>> {
    const FIELD: &str = r#""data":""#;
    let text = block.json().text();
    // Within a string of JSON this would have its quotes escaped.
    let found = memmem::find(text.as_bytes(), FIELD.as_bytes()).and_then(|at| {
        let data = &text[at + FIELD.len()..];
        let end = memchr(b'"', data.as_bytes())?;
        memchr(b'\\', &data.as_bytes()[..end]).is_none().then(|| &data[..end])
    });
    found.map(Cow::Borrowed).or_else(|| taken_apart(block).map(Cow::Owned))
}

fn taken_apart(block: &Block) -> Option<String> {
    #[derive(Deserialize)]
    struct Source {
        data: String,
    }
    block.field("source")?.parse::<Source>().ok().map(|source| source.data)
}

/// Width and height in pixels of a PNG, JPEG, GIF or WebP file, which are all that the API takes;
/// nothing if it is none of these or damaged, which is left for the API to say.
pub(super) fn sides(base64: &str) -> Option<(u32, u32)> {
    let file = File(base64.as_bytes());
    match &file.at::<4>(0)? {
        [0x89, b'P', b'N', b'G'] => {
            let [a, b, c, d, e, f, g, h] = file.at(16)?;
            Some((u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])))
        }
        b"GIF8" => {
            let [a, b, c, d] = file.at(6)?;
            Some((u16::from_le_bytes([a, b]).into(), u16::from_le_bytes([c, d]).into()))
        }
        b"RIFF" => webp(&file),
        [0xff, 0xd8, ..] => jpeg(&file),
        _ => None,
    }
}

fn webp(file: &File<'_>) -> Option<(u32, u32)> {
    match &file.at::<8>(8)? {
        b"WEBPVP8X" => {
            let [a, b, c, d, e, f] = file.at(24)?;
            Some((1 + u32::from_le_bytes([a, b, c, 0]), 1 + u32::from_le_bytes([d, e, f, 0])))
        }
        b"WEBPVP8L" => {
            let bits = u32::from_le_bytes(file.at(21)?);
            Some((1 + (bits & 0x3fff), 1 + (bits >> 14 & 0x3fff)))
        }
        b"WEBPVP8 " => {
            let [a, b, c, d] = file.at(26)?;
            let side = |bytes| u32::from(u16::from_le_bytes(bytes) & 0x3fff);
            Some((side([a, b]), side([c, d])))
        }
        _ => None,
    }
}

/// Goes from segment to segment, of which there may be many before the one that has the sides.
fn jpeg(file: &File<'_>) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let [mark, kind, high, low] = file.at(at)?;
        at += match (mark, kind) {
            (0xff, 0xff) => 1,
            (0xff, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf) => {
                let [a, b, c, d] = file.at(at + 5)?;
                return Some((u16::from_be_bytes([c, d]).into(), u16::from_be_bytes([a, b]).into()));
            }
            (0xff, 0x01 | 0xd0..=0xd8) => 2,
            // The picture itself, or its end.
            (0xff, 0xd9 | 0xda) => return None,
            (0xff, _) => 2 + usize::from(u16::from_be_bytes([high, low])),
            _ => return None,
        };
    }
}

/// A file that is written as base64, of which any place can be read without the rest.
struct File<'a>(&'a [u8]);

impl File<'_> {
    /// So many bytes from this place on; nothing if the file is shorter, or this part of it is no
    /// base64.
    fn at<const N: usize>(&self, from: usize) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = self.byte(from + place)?;
        }
        Some(bytes)
    }

    fn byte(&self, at: usize) -> Option<u8> {
        let first = at / 3 * 4 + at % 3;
        let (high, low) = (digit(*self.0.get(first)?)?, digit(*self.0.get(first + 1)?)?);
        Some(match at % 3 {
            0 => high << 2 | low >> 4,
            1 => high << 4 | low >> 2,
            _ => high << 6 | low,
        })
    }
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'A'..=b'Z' => Some(character - b'A'),
        b'a'..=b'z' => Some(character - b'a' + 26),
        b'0'..=b'9' => Some(character - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// Files that are only heads.
#[cfg(test)]
pub(crate) mod files {
    /// As base64, without padding.
    pub(crate) fn base64(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut bytes = bytes.to_vec();
        bytes.resize(bytes.len().next_multiple_of(3), 0);
        let digits = bytes.chunks(3).flat_map(|three| {
            let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
            [18, 12, 6, 0].map(|shift| char::from(DIGITS[(bits >> shift & 63) as usize]))
        });
        digits.collect()
    }

    pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
        let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        file.extend(width.to_be_bytes());
        file.extend(height.to_be_bytes());
        file.extend([8, 2, 0, 0, 0]);
        file
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(file: &[u8], expected: Option<(u32, u32)>) {
        assert_eq!(sides(&files::base64(file)), expected, "{file:x?}");
    }

    #[test]
    fn field_44_the_sides_of_a_picture_stand_in_its_head() {
        check(&files::png(8_001, 70_000), Some((8_001, 70_000)));
        check(b"GIF89a\x34\x12\x01\x00", Some((0x1234, 1)));
        check(b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x0f\x27\0\xff\xff\0", Some((10_000, 65_536)));
        check(b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\xff\xc0\x01\0", Some((256, 8)));
        check(b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x80\x02\xe0\x41", Some((640, 480)));
        // After a segment of 65,535 bytes, a byte that fills, a table, and one without a length.
        let mut jpeg = b"\xff\xd8\xff\xe1\xff\xff".to_vec();
        jpeg.extend([0; 65_533]);
        jpeg.extend(b"\xff\xff\xc4\x00\x02\xff\x01\xff\xc2\x00\x11\x08\x01\x00\x1f\x41");
        check(&jpeg, Some((8_001, 256)));
        jpeg.truncate(jpeg.len() - 1);
        jpeg.push(0);
        check(b"\xff\xd8\xff\xda\x00\x02", None);
        check(b"\xff\xd8\xff\xe1\xff\xff", None);
        check(b"\x89PNG", None);
        check(b"BM", None);
        check(b"", None);
        assert_eq!(sides("\u{fffd}\u{fffd}\u{fffd}"), None);
    }

    #[test]
    fn the_base64_of_a_block_is_found_however_it_is_written() {
        let check = |json: &str, expected: Option<&str>| {
            let block: Block = serde_json::from_str(json).unwrap();
            assert_eq!(base64(&block).as_deref(), expected, "{json}");
        };
        check(r#"{"type":"image","source":{"type":"base64","data":"ab/c"}}"#, Some("ab/c"));
        check(r#"{"source":{"data" : "ab\/c"},"type":"image"}"#, Some("ab/c"));
        check(r#"{"type":"image","note":"\"data\":\"x\"","source":{"data":"y"}}"#, Some("y"));
        check(r#"{"type":"image","source":{"type":"url","url":"https://x.test"}}"#, None);
        let block = Block::image("image/png", "abc=");
        assert_eq!(base64(&block).as_deref(), Some("abc="));
        assert_eq!(base64(&Block::text(json!({"data": "x"}).to_string())), None);
    }
}
