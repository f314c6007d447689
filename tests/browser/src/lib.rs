//! The tests try the pages of the chat, of sessions and of timelines in Chromium.
