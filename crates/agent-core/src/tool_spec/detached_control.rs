//! Tools with which a model looks after its detached calls.

/// What a call does with calls that are [detached](crate::ToolSpec::detach_after). Its input is an
/// object. `"calls"` is a list of ids; without it, all calls are meant that go on.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetachedControl {
    /// Says which calls go on.
    Check,
    /// Waits until one of the calls has ended, or until `"seconds"` have passed: 60 without it, and
    /// at most 3,600.
    Wait,
    /// Stops the calls. The model is told how each has ended.
    Stop,
}
