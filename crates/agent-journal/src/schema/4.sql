-- The trace of a run that has not ended, and what lists say about a session.

ALTER TABLE sessions ADD COLUMN trace TEXT; -- the W3C traceparent of its first span

-- As of an entry. If there are later ones, the next list makes it again.
CREATE TABLE summaries (
    session INTEGER NOT NULL PRIMARY KEY REFERENCES sessions (number) ON DELETE CASCADE,
    seq     INTEGER NOT NULL, -- the entry
    body    TEXT    NOT NULL  -- JSON
) STRICT;
