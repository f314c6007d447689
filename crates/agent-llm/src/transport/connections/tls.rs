//! TLS: with ring's cryptography, and trust in whom the machine trusts.

use std::sync::{Arc, OnceLock};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use rustls_platform_verifier::Verifier;

/// How connections are encrypted. Clones share what they know of servers they were connected to.
///
/// The cryptography is given to each connection, not to the process: a program may have another one
/// for its own.
#[derive(Clone)]
pub(super) struct Tls {
    config: ClientConfig,
    trusted: Arc<Trusted>,
}

/// The certificates that the machine trusts. To read them takes longer than all else before a first
/// request, so that is done when there is a certificate to judge.
#[derive(Debug)]
struct Trusted {
    provider: Arc<CryptoProvider>,
    verifier: OnceLock<Result<Verifier, Error>>,
}

impl Tls {
    /// TLS in whose greeting these protocols are offered.
    pub(super) fn offering(protocols: &[&str]) -> Self {
        let provider = Arc::new(ring::default_provider());
        let trusted = Arc::new(Trusted { provider: provider.clone(), verifier: OnceLock::new() });
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has what these versions need")
            .dangerous()
            .with_custom_certificate_verifier(trusted.clone())
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self { config, trusted }
    }

    /// Reads whom the machine trusts, if that was not done before; an error if it trusts nobody.
    pub(super) fn load(&self) -> Result<(), Error> {
        self.trusted.verifier().map(drop)
    }

    /// What reqwest is given.
    pub(super) fn config(&self) -> ClientConfig {
        self.config.clone()
    }
}

impl Trusted {
    fn verifier(&self) -> Result<&Verifier, Error> {
        let verifier = self.verifier.get_or_init(|| Verifier::new(self.provider.clone()));
        verifier.as_ref().map_err(Error::clone)
    }
}

/// The verifier's own, once there is one.
impl ServerCertVerifier for Trusted {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verifier()?.verify_server_cert(certificate, between, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()?.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()?.verify_tls13_signature(message, certificate, signed)
    }

    /// Said before a certificate comes, so not asked of the verifier, which says the same.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A reason, and what to do about it where that is known.
pub(super) fn explained(mut reason: String) -> String {
    let known = [
        (
            "UnknownIssuer",
            "this machine does not trust who signed the server's certificate: add that authority to the system's, or \
             on Linux name a file (PEM) of all to trust in SSL_CERT_FILE",
        ),
        (
            "No CA certificates",
            "install the system's, as a rule the package ca-certificates, or name a file (PEM) of all to trust in \
             SSL_CERT_FILE",
        ),
        // Found when a client is made, so in any test of a program.
        (
            "Unknown TLS backend",
            "this reqwest needs another version of rustls than agent-llm, as `cargo tree -i rustls` shows: take a newer \
             agent-llm, or an older reqwest by `cargo update reqwest --precise VERSION`",
        ),
    ];
    if let Some((_, advice)) = known.iter().find(|(words, _)| reason.contains(words)) {
        reason.push_str(&format!(" ({advice})"));
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_of_tls_than_reqwest_has_is_explained() {
        let client = reqwest::Client::builder().tls_backend_preconfigured("of another version");
        let reason = crate::transport::causes::causes(client.build().unwrap_err());
        insta::assert_snapshot!(explained(reason), @"builder error: Unknown TLS backend passed to `use_preconfigured_tls` (this reqwest needs another version of rustls than agent-llm, as `cargo tree -i rustls` shows: take a newer agent-llm, or an older reqwest by `cargo update reqwest --precise VERSION`)");
    }
}
