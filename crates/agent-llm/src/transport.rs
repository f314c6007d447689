//! What any API over HTTP needs: connections, time limits, the framing of streams, and secrets that
//! never show. It knows no API: nothing here uses `claude` or `wrappers`.

pub(crate) mod causes;
pub(crate) mod config_error;
pub(crate) mod connections;
pub(crate) mod endpoint;
pub(crate) mod key;
pub(crate) mod limit;
pub(crate) mod secrets;
pub(crate) mod shown;
pub(crate) mod size;
pub(crate) mod sse;
