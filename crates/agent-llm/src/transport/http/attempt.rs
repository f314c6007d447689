//! What one attempt at a request must not show.

use std::{
    borrow::Cow,
    future::Future,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use agent_core::LlmError;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};

use crate::transport::{
    error::{LONGEST_MESSAGE, names, shortened},
    secrets::Secrets,
    sign_error::SignError,
};

/// One attempt at a request: the secrets that it sends, and whether it is being signed.
pub(super) struct Attempt<'a> {
    known: &'a Secrets,
    /// The known ones and those that this attempt added, if it added any.
    all: OnceLock<Secrets>,
    is_signing: AtomicBool,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(known: &'a Secrets) -> Self {
        Self { known, all: OnceLock::new(), is_signing: AtomicBool::new(false) }
    }

    /// Waits until the attempt is signed.
    pub(super) async fn signed_by(
        &self,
        signing: impl Future<Output = Result<(), SignError>>,
    ) -> Result<(), SignError> {
        self.is_signing.store(true, Relaxed);
        let signed = signing.await;
        self.is_signing.store(false, Relaxed);
        signed
    }

    /// Hides the headers that only this attempt has.
    pub(super) fn hide(&self, sent: &HeaderMap, of_all: &HeaderMap) {
        let is_new = |(name, value): &(_, &HeaderValue)| {
            *name != ACCEPT && !of_all.get_all(*name).iter().any(|known| known == *value)
        };
        let added = sent.iter().filter(is_new).filter_map(|(_, value)| value.to_str().ok());
        let _ = self.all.set(self.known.with(added));
    }

    /// All that this attempt must not show.
    pub(super) fn secrets(&self) -> &Secrets {
        self.all.get().unwrap_or(self.known)
    }

    /// The error of a limit that was passed. It says so if the request was not even signed.
    pub(super) fn late(&self, mut error: LlmError) -> LlmError {
        if self.is_signing.load(Relaxed) {
            error.message.push_str("; the signer has not signed the request yet");
        }
        error
    }

    /// The headers without secrets. An error may quote half of a header, and with it half of a
    /// secret, which nobody would find afterwards.
    pub(super) fn scrubbed(&self, headers: &HeaderMap) -> HeaderMap {
        let mut headers = headers.clone();
        for value in headers.values_mut() {
            let scrubbed = value.to_str().map(|text| self.secrets().scrub(text)).ok();
            if let Some(Cow::Owned(scrubbed)) = scrubbed {
                *value = HeaderValue::from_str(&scrubbed).expect("less of a header's text is one, too");
            }
        }
        headers
    }

    /// The error without secrets, which some servers echo, and short enough to read.
    pub(super) fn scrub(&self, mut error: LlmError) -> LlmError {
        let secrets = self.secrets();
        let scrub = |text: &mut String| *text = secrets.scrub(text).into_owned();
        // Where a message was cut as it was read, half of a secret may stand at its end.
        let whole = LONGEST_MESSAGE.saturating_sub(secrets.longest());
        error.message = secrets.scrub_first(&error.message, whole);
        names(&mut error).for_each(scrub);
        shortened(error)
    }
}
