-- What happened in the runs of a session, for hosts that keep it, and who is asked to stop.

CREATE TABLE events (
    session INTEGER NOT NULL REFERENCES sessions (number) ON DELETE CASCADE,
    number  INTEGER NOT NULL, -- from 1, growing within the session
    began   INTEGER NOT NULL, -- ms since 1970: when the run began that it belongs to
    body    TEXT    NOT NULL, -- JSON; at_ms in it is the time since the run began
    PRIMARY KEY (session, number)
) STRICT, WITHOUT ROWID;

-- A session whose run a person has cancelled, until another host takes the session.
CREATE TABLE cancels (
    session INTEGER NOT NULL PRIMARY KEY REFERENCES sessions (number) ON DELETE CASCADE
) STRICT;
