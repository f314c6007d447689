//! Amazon's signature, version 4, computed a second time: from what a server received.
//!
//! Only the hashes are from a library. What is hashed is put together here as Amazon describes it
//! in <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.

use http::{HeaderMap, HeaderValue};
use reqsign_core::hash::{hex_hmac_sha256, hex_sha256, hmac_sha256};

/// A request as it is signed. All paths and queries of these tests are the same in their canonical
/// form.
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

impl Signed<'_> {
    /// The `authorization` that belongs to it, with these headers signed.
    pub(crate) fn authorization(&self, access: (&str, &str), scope: (&str, &str), signed: &str) -> String {
        let ((id, secret), (region, service)) = (access, scope);
        let header = |name: &str| self.headers[name].to_str().unwrap().trim();
        let headers: String = signed.split(';').map(|name| format!("{name}:{}\n", header(name))).collect();
        let Self { method, path, query, body, .. } = self;
        let hash = hex_sha256(body);
        let canonical = format!("{method}\n{path}\n{query}\n{headers}\n{signed}\n{hash}");
        let time = header("x-amz-date");
        let scope = format!("{}/{region}/{service}/aws4_request", &time[..8]);
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex_sha256(canonical.as_bytes()));
        let first = format!("AWS4{secret}").into_bytes();
        let key = scope.split('/').fold(first, |key, part| hmac_sha256(&key, part.as_bytes()));
        let signature = hex_hmac_sha256(&key, to_sign.as_bytes());
        format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={signed}, Signature={signature}")
    }
}

/// Amazon's own examples, `get-vanilla` and `post-vanilla` of its test suite.
#[test]
fn the_second_computation_agrees_with_the_examples_of_amazon() {
    let check = |method: &str, signature: &str| {
        let headers = [("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")];
        let headers = headers.map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
        let headers: HeaderMap = headers.into_iter().collect();
        let signed = Signed { method, path: "/", query: "", headers: &headers, body: b"" };
        let access = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        let found = signed.authorization(access, ("us-east-1", "service"), "host;x-amz-date");
        assert_eq!(found.rsplit_once('=').unwrap().1, signature);
    };
    check("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    check("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
}
