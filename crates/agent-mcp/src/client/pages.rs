//! Lists that come in pages.

use std::future::Future;

use rmcp::{Peer, RoleClient, ServiceError, model::PaginatedRequestParams};

use super::{McpErrorKind, connection::Connection, reading::Reading, settings::Settings};

/// The most entries and pages that are read of one list.
const ENTRIES: usize = 10_000;
const PAGES: usize = 1_000;

/// A page, and where the next one begins.
pub(super) type Page<T> = Result<(Vec<T>, Option<String>), ServiceError>;

/// Reads all pages of a list.
pub(super) async fn all<T, F>(
    connection: &Connection,
    settings: &Settings,
    request: &str,
    page: impl Fn(Peer<RoleClient>, Option<PaginatedRequestParams>) -> F,
) -> Result<Vec<T>, McpErrorKind>
where
    F: Future<Output = Page<T>>,
{
    let refused = |why: String| McpErrorKind::Refused { request: request.to_owned(), why };
    let (mut list, mut cursor) = (Vec::new(), None::<String>);
    for _ in 0..PAGES {
        let at = || {
            let next = |cursor| PaginatedRequestParams::default().with_cursor(Some(cursor));
            cursor.clone().map(next)
        };
        let (entries, next) =
            connection.ask(settings, Reading::List(request), |peer| page(peer, at())).await?;
        list.extend(entries);
        match next {
            _ if list.len() > ENTRIES => return Err(refused(format!("it lists more than {ENTRIES}"))),
            Some(next) => cursor = Some(next),
            None => return Ok(list),
        }
    }
    Err(refused(format!("its list has more than {PAGES} pages")))
}
