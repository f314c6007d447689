//! A page for the sessions of a journal.

use std::{
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use agent_journal::Journal;
use agent_web::{Access, router};
use tokio::net::TcpListener;

use drill::Done;

/// Serves the page on this machine until the program is stopped. Prints its address, with the token.
pub(super) async fn serve(journal: Journal, port: u16, out: &mut impl Write) -> Done {
    let asked = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(asked).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => format!("port {port} is in use: choose another one with --port"),
        _ => format!("{asked} can't be served: {error}"),
    })?;
    let access = Access::new();
    writeln!(out, "{}", access.url(&format!("http://{}/", listener.local_addr()?)))?;
    out.flush()?;
    let service = router(Arc::new(journal), &access).into_make_service_with_connect_info::<SocketAddr>();
    Ok(axum::serve(listener, service).await?)
}
