//! Claude on other clouds and behind a gateway. The programs are in `examples/`, and the guide's
//! chapter explains them. `tests/` runs them against a server on this machine.
