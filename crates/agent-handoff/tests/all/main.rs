//! Handoffs, case by case: what is recorded, what each agent reads, what a listener is told.

#![allow(clippy::unwrap_used)]

mod cases;
mod panics;
mod rings;
mod scene;
mod views;
