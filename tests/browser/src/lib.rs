//! The tests try the page of `examples/chat` in Chromium.
