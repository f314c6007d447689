-- Who drives which session.

CREATE TABLE holders (
    name    TEXT    NOT NULL PRIMARY KEY, -- of a file beside this one, which is locked as long as the holder lives
    pid     INTEGER NOT NULL,
    expires INTEGER           -- ms since 1970; only where files can't be locked
) STRICT;

CREATE TABLE leases (
    session INTEGER NOT NULL PRIMARY KEY REFERENCES sessions (number) ON DELETE CASCADE,
    holder  TEXT    NOT NULL REFERENCES holders (name) ON DELETE CASCADE
) STRICT;

CREATE INDEX leases_of_holder ON leases (holder);
