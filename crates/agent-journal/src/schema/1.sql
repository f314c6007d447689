-- What each conversation was told, in order.

CREATE TABLE sessions (
    number INTEGER PRIMARY KEY,
    id     TEXT    NOT NULL UNIQUE,
    began  INTEGER NOT NULL -- ms since 1970
) STRICT;

CREATE TABLE entries (
    seq     INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions (number) ON DELETE CASCADE,
    path    TEXT    NOT NULL, -- '' for the session's own conversation; 'a/b': delegated by call b of the one delegated by call a
    kind    TEXT    NOT NULL, -- became, said, answered, failed, returned, started, recorded, allowed, denied
    call    TEXT,             -- of those about a call, its id
    body    TEXT    NOT NULL, -- JSON
    at      INTEGER NOT NULL  -- ms since 1970
) STRICT;

CREATE INDEX entries_of_session ON entries (session, seq);

-- For people: SELECT * FROM log.
CREATE VIEW log AS
    SELECT seq, datetime(at / 1000, 'unixepoch') AS at, id || iif(path = '', '', '/' || path) AS conversation, kind, call, body
    FROM entries JOIN sessions ON number = session
    ORDER BY seq;
