//! The programs of the guide against servers on this machine.
#![allow(clippy::unwrap_used)]

mod aws_signature;
mod common;
mod guide;
mod sent;
