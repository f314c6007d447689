//! A URL as it may be shown.

use reqwest::Url;

/// What stands where something is not shown.
const HIDDEN: &str = "…";

/// A URL without what may be a secret: user name, password, query, fragment, and what of a path
/// looks as if it was meant to be one of them. It is parsed as the client parses it, so that both
/// take the same part for the host.
pub(crate) fn shown(text: &str) -> String {
    let text = text.trim();
    match Url::parse(text) {
        Ok(url) => parsed(&url),
        // What is no URL has no parts: only a host's name shows that it is nothing else.
        Err(_) if is_name(text) => text.to_owned(),
        Err(_) => HIDDEN.to_owned(),
    }
}

fn parsed(url: &Url) -> String {
    let (scheme, path) = (url.scheme(), url.path());
    let Some(host) = url.host_str() else {
        // As `localhost:80` is read, and `user:password` too.
        let port = path.bytes().all(|byte| byte.is_ascii_digit());
        return format!("{scheme}:{}", if port { path } else { HIDDEN });
    };
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    let path: Vec<&str> = path.split('/').map(segment).collect();
    format!("{scheme}://{host}{port}{}", path.join("/"))
}

/// In a path, an `@` is as a rule one that was to end a password.
fn segment(segment: &str) -> &str {
    match segment.contains('@') || segment.contains("%40") {
        true => HIDDEN,
        false => segment,
    }
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{endpoint::Endpoint, settings::HttpSettings};

    #[test]
    fn field_86_a_url_is_parsed_before_it_is_shown_and_no_secret_is_left() {
        let check = |url: &str, expected: &str| {
            assert_eq!(shown(url), expected, "{url}");
            let settings = HttpSettings { base_url: Some(url.to_owned()), ..HttpSettings::default() };
            let endpoint = Endpoint::of(url, false, "").map_err(|error| format!("{error} {error:?}"));
            let all = format!("{settings:?} {endpoint:?}");
            assert!(!all.contains("secret"), "{url}: {all}");
        };
        check(r"https://x.test\@secret", "https://x.test/…");
        check(r"https:\\me:secret@x.test", "https://x.test/");
        check("https:me:secret@x.test", "https://x.test/");
        check("https://x.test/a/me%40secret/b?key=secret#secret", "https://x.test/a/…/b");
        check("https://me%3Asecret%40x:secret@x.test:8443/a", "https://x.test:8443/a");
        check("https://secret@me:secret@[::1]:1/", "https://[::1]:1/");
        check(" https://x.test?secret@y.test\n", "https://x.test/");
        check("http://x.test#secret", "http://x.test/");
        check("http://10.0.0.1/?secret", "http://10.0.0.1/");
        check("ftp://me:secret@x.test/", "ftp://x.test/");
        check("me:secret@x.test", "me:…");
        check("me:secret", "me:…");
        check("https://me:secret@x.test:99999", "…");
        check("https://x.test:secret", "…");
        check("//me:secret@x.test", "…");
        check("secret@x.test", "…");
        check("x.test?secret", "…");
        check("localhost:80", "localhost:80");
        check("api.anthropic.com", "api.anthropic.com");
        check("", "");
    }
}
