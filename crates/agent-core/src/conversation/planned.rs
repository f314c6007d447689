//! The conversation of a plan.

mod advance;
mod answer;
mod status;
