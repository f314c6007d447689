//! For tests of what holds of any input: bytes that are cut anywhere, and how many cases are tried.

pub(crate) mod mutate;

use proptest::{prelude::*, test_runner::RngAlgorithm};

/// The bytes, cut at these places: shares of their length, of 65,536.
pub(crate) fn cut<'a>(mut bytes: &'a [u8], places: &[u16]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> =
        places.iter().map(|place| usize::from(*place) * bytes.len() / 0x1_0000).collect();
    places.sort_unstable_by(|a, b| b.cmp(a));
    let mut chunks = Vec::new();
    for place in places {
        let (head, tail) = bytes.split_at(place);
        chunks.push(tail);
        bytes = head;
    }
    chunks.push(bytes);
    chunks.reverse();
    chunks
}

/// So many cases, unless the environment asks for another number.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    // Quick chance will do.
    let rng_algorithm = RngAlgorithm::XorShift;
    let default = ProptestConfig { failure_persistence: None, rng_algorithm, ..ProptestConfig::default() };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => default,
        None => ProptestConfig { cases, ..default },
    }
}
