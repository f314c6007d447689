//! The conversation of a plan.

mod advance;
mod answer;
mod enough;
mod status;
