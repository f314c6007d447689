//! Numbers that have a checksum, and addresses that have a grammar.

use std::{net::Ipv6Addr, ops::Range};

/// The places of numbers of payment cards: 13 to 19 digits with the right check digit (Luhn), in
/// one group or in the groups that are printed on cards.
pub(super) fn cards(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for run in runs(text, 13, |byte| byte.is_ascii_digit() || byte == b' ' || byte == b'-') {
        let groups = groups(text, &run);
        let mut first = 0;
        while first < groups.len() {
            let card =
                (first..groups.len().min(first + 5)).rev().find(|last| is_card(text, &groups[first..=*last]));
            found.extend(card.map(|last| groups[first].start..groups[last].end));
            first = card.unwrap_or(first) + 1;
        }
    }
    found
}

/// The length of an account number that is printed in groups of four.
const LONGEST_IBAN: usize = 34 + 8;

/// The places of account numbers (IBAN): their remainder by 97 is 1.
pub(super) fn ibans(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for run in runs(text, 15, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ') {
        let groups = words(text, &run);
        let mut first = 0;
        while first < groups.len() {
            // Printed, it has groups of four; at most 34 characters.
            let iban = (first..groups.len().min(first + 9)).rev().find(|last| {
                let place = groups[first].start..groups[*last].end;
                place.len() <= LONGEST_IBAN && is_iban(&text[place].replace(' ', ""))
            });
            found.extend(iban.map(|last| groups[first].start..groups[last].end));
            first = iban.unwrap_or(first) + 1;
        }
    }
    found
}

/// The places of addresses of IPv6.
pub(super) fn ipv6_addresses(text: &str) -> Vec<Range<usize>> {
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
    let trimmed = |run: Range<usize>| {
        let word = text[run.clone()].trim_end_matches('.');
        run.start..run.start + word.len()
    };
    let is_address = |place: &Range<usize>| {
        let word = &text[place.clone()];
        word.len() > 2 && word.parse::<Ipv6Addr>().is_ok() && stands_alone(text, place)
    };
    runs(text, 3, is_part).into_iter().map(trimmed).filter(is_address).collect()
}

/// The longest parts of a text with only such characters (ASCII), if they have at least this length.
/// Each request is searched as a whole, so this does nothing for the many short parts of prose.
fn runs(text: &str, least: usize, is_part: impl Fn(u8) -> bool) -> Vec<Range<usize>> {
    let (mut runs, mut start) = (Vec::new(), 0);
    let outside = text.bytes().enumerate().filter(|(_, byte)| !is_part(*byte)).map(|(place, _)| place);
    for end in outside.chain([text.len()]) {
        if end - start >= least {
            runs.push(start..end);
        }
        start = end + 1;
    }
    runs
}

/// The groups of digits in a run, if they are not part of a word.
fn groups(text: &str, run: &Range<usize>) -> Vec<Range<usize>> {
    let all = runs(&text[run.clone()], 1, |byte| byte.is_ascii_digit());
    let places = all.into_iter().map(|group| run.start + group.start..run.start + group.end);
    places.filter(|group| stands_alone(text, group)).collect()
}

/// The words in a run.
fn words(text: &str, run: &Range<usize>) -> Vec<Range<usize>> {
    let all = runs(&text[run.clone()], 1, |byte| byte != b' ');
    let places = all.into_iter().map(|word| run.start + word.start..run.start + word.end);
    places.filter(|word| stands_alone(text, word)).collect()
}

fn stands_alone(text: &str, place: &Range<usize>) -> bool {
    let is_outside =
        |letter: Option<char>| !letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    is_outside(text[..place.start].chars().next_back()) && is_outside(text[place.end..].chars().next())
}

fn is_card(text: &str, groups: &[Range<usize>]) -> bool {
    let lengths: Vec<usize> = groups.iter().map(Range::len).collect();
    let is_printed = match lengths[..] {
        [13..=19] | [4, 6, 4] | [4, 6, 5] | [4, 4, 4, 4] => true,
        [4, 4, 4, 4, last] => last <= 3,
        _ => false,
    };
    // One separator between two groups.
    let is_together = groups.windows(2).all(|pair| pair[1].start - pair[0].end == 1);
    let digits: Vec<u32> = groups
        .iter()
        .flat_map(|group| text[group.clone()].bytes())
        .map(|digit| u32::from(digit - b'0'))
        .collect();
    is_printed && is_together && (2..=6).contains(&digits[0]) && has_check_digit(&digits)
}

/// Luhn's formula.
fn has_check_digit(digits: &[u32]) -> bool {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let digits = digits.iter().rev().enumerate();
    let sum: u32 = digits.map(|(place, digit)| if place % 2 == 1 { doubled(*digit) } else { *digit }).sum();
    sum % 10 == 0
}

fn is_iban(written: &str) -> bool {
    let bytes = written.as_bytes();
    let begins_well = (15..=34).contains(&bytes.len())
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..4].iter().all(u8::is_ascii_digit);
    // The first four characters count as the last, and A as 10.
    let rest = |begun: u32, byte: &u8| match byte {
        b'0'..=b'9' => (begun * 10 + u32::from(byte - b'0')) % 97,
        _ => (begun * 100 + u32::from(byte - b'A') + 10) % 97,
    };
    begins_well && bytes[4..].iter().chain(&bytes[..4]).fold(0, rest) == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(find: fn(&str) -> Vec<Range<usize>>, text: &str, expected: &[&str]) {
        let found: Vec<&str> = find(text).into_iter().map(|place| &text[place]).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn cards_have_a_check_digit() {
        check(cards, "4111111111111111", &["4111111111111111"]);
        check(cards, "4111111111111112", &[]);
        check(cards, "on 12 4111 1111 1111 1111 7", &["4111 1111 1111 1111"]);
        check(cards, "3782-822463-10005, 5555555555554444", &["3782-822463-10005", "5555555555554444"]);
        check(cards, "41111111111111111111111, x4111111111111111, 4111  1111 1111 1111", &[]);
    }

    #[test]
    fn ibans_have_a_checksum() {
        check(ibans, "DE89370400440532013000", &["DE89370400440532013000"]);
        check(ibans, "TO DE89 3704 0044 0532 0130 00 NOW", &["DE89 3704 0044 0532 0130 00"]);
        check(ibans, "GB82 WEST 1234 5698 7654 32", &["GB82 WEST 1234 5698 7654 32"]);
        check(ibans, "DE88370400440532013000, xDE89370400440532013000", &[]);
    }
}
