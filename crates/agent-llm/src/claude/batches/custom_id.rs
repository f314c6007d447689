//! The ids by which results are matched to requests.

/// The most characters that the API takes.
const MOST: usize = 64;

/// The id that the API gets: the position of the request, and behind it the program's own id. An
/// error says what is wrong with the program's.
pub(super) fn written(position: usize, own: Option<&str>) -> Result<String, String> {
    let Some(own) = own else { return Ok(position.to_string()) };
    let written = format!("{position}-{own}");
    let is_taken = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if own.is_empty() || !own.bytes().all(is_taken) {
        return Err(format!("the id {own:?} should have letters, digits, `_` and `-` only"));
    }
    if written.len() > MOST {
        let most = MOST - (written.len() - own.len());
        return Err(format!("the id {own:?} should have {most} characters at most"));
    }
    Ok(written)
}

/// The position of the request, and the program's own id, if the API's id has them. Another program
/// may write others.
pub(super) fn read(written: &str) -> (Option<usize>, Option<String>) {
    let (position, own) = match written.split_once('-') {
        Some((position, own)) => (position, Some(own)),
        None => (written, None),
    };
    match position.parse().ok().filter(|place: &usize| place.to_string() == position) {
        Some(position) => (Some(position), own.map(str::to_owned)),
        None => (None, Some(written.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_was_written() {
        for own in [None, Some("invoice-7"), Some("-"), Some("7")] {
            let id = written(12, own).unwrap();
            assert_eq!(read(&id), (Some(12), own.map(str::to_owned)), "{id}");
        }
        for foreign in ["a", "a-1", "007", "-1", "1x-2", "+1"] {
            assert_eq!(read(foreign), (None, Some(foreign.to_owned())));
        }
    }

    #[test]
    fn an_id_that_the_api_does_not_take_is_an_error() {
        let check = |own: &str, expected: &str| assert_eq!(written(10, Some(own)).unwrap_err(), expected);
        let letters = "should have letters, digits, `_` and `-` only";
        check("a b", &format!("the id \"a b\" {letters}"));
        check("", &format!("the id \"\" {letters}"));
        check("é", &format!("the id \"é\" {letters}"));
        let long = "x".repeat(62);
        check(&long, &format!("the id {long:?} should have 61 characters at most"));
        assert_eq!(written(10, Some(&long[..61])).unwrap().len(), MOST);
    }
}
