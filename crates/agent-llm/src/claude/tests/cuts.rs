//! However a stream is cut, and however its lines end, it says the same.

use proptest::{collection::vec, prelude::*};

use super::{Read, cases, corpus::STREAMS, cut};

/// The stream with these line ends, in turn.
fn with_ends(stream: &str, ends: &[&str]) -> String {
    let mut written = String::new();
    for (place, line) in stream.split('\n').enumerate() {
        if place > 0 {
            let end = ends[place % ends.len()];
            // Behind a CR, an LF would belong to it.
            written.push_str(if end == "\n" && written.ends_with('\r') { "\r\n" } else { end });
        }
        written.push_str(line);
    }
    written
}

#[test]
fn the_corpus_is_read_as_it_should_be() {
    let replies: Vec<String> = STREAMS
        .iter()
        .map(|stream| match Read::of([stream.as_bytes()]).fold() {
            Ok(reply) => serde_json::to_string_pretty(&reply).unwrap(),
            Err(error) => error.to_string(),
        })
        .collect();
    insta::assert_snapshot!(replies.join("\n\n"));
}

#[test]
fn fault_25_a_stream_cut_at_any_place_says_the_same() {
    for (stream, end) in STREAMS.iter().zip(["\n", "\r\n", "\r"].iter().cycle()) {
        let whole = Read::of([stream.as_bytes()]);
        let stream = with_ends(stream, &[end]);
        for place in 0..=stream.len() {
            let (head, tail) = stream.as_bytes().split_at(place);
            assert_eq!(Read::of([head, tail]), whole, "{end:?}, cut at {place}");
        }
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn fault_26_line_ends_of_all_kinds_mixed_and_cut_anywhere_make_no_difference(
        stream in prop::sample::select(STREAMS),
        ends in vec(prop::sample::select(vec!["\n", "\r\n", "\r"]), 1..20),
        places in vec(any::<u16>(), 0..40),
    ) {
        let whole = Read::of([stream.as_bytes()]);
        let mixed = with_ends(stream, &ends);
        prop_assert_eq!(Read::of(mixed.as_bytes().chunks(1)), Read::of([mixed.as_bytes()]));
        prop_assert_eq!(Read::of(cut(mixed.as_bytes(), &places)), whole);
    }
}
