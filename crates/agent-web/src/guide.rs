//! Compiles and runs the programs in the chapter of the guide about pages.

#[doc = include_str!("../../../docs/guide/25-events-in-a-web-page.md")]
mod events_in_a_web_page {}
