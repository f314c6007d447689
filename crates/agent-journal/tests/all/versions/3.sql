-- A journal as version 3 wrote it: a run that was stopped before its last turn.

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

PRAGMA application_id = 1097288302;
PRAGMA user_version = 3;
INSERT INTO sessions VALUES(1,'s',1795563672385);
INSERT INTO entries VALUES(1,1,'','became',NULL,'{"id":"s","agent":"main","depth":0,"messages":[{"role":"user","content":[{"type":"text","text":"Go."}]}],"slots":[],"stop":null,"stop_details":null,"usage":{},"turns":0,"transfers":0,"said_at":0,"passages":[],"returns":[]}',1795563672385);
INSERT INTO entries VALUES(2,1,'','answered',NULL,'{"id":null,"model":null,"content":[{"type":"tool_use","id":"call_0_0","name":"act","input":{"say":"a"}},{"type":"tool_use","id":"call_0_1","name":"act","input":{"to":"expert"}}],"stop_reason":"tool_use","usage":{"input_tokens":0,"output_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0}}',1795563672388);
INSERT INTO entries VALUES(3,1,'','recorded','call_0_0','{"outcome":{"Output":"a"},"usage":{}}',1795563672393);
INSERT INTO entries VALUES(4,1,'','recorded','call_0_1','{"outcome":{"Delegate":{"to":"expert","task":"Do it."}},"usage":{}}',1795563672396);
INSERT INTO entries VALUES(5,1,'call_0_1','answered',NULL,'{"id":null,"model":null,"content":[{"type":"tool_use","id":"call_0_0","name":"act","input":{"say":"b"}}],"stop_reason":"tool_use","usage":{"input_tokens":0,"output_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0}}',1795563672398);
INSERT INTO entries VALUES(6,1,'call_0_1','recorded','call_0_0','{"outcome":{"Output":"b"},"usage":{}}',1795563672404);
INSERT INTO entries VALUES(7,1,'call_0_1','answered',NULL,'{"id":null,"model":null,"content":[{"type":"text","text":"Expertly done."}],"stop_reason":"end_turn","usage":{"input_tokens":0,"output_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0}}',1795563672405);
INSERT INTO entries VALUES(8,1,'','recorded','call_0_1','{"outcome":{"Output":"Expertly done."},"usage":{"expert":{"input_tokens":0,"output_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0}}}',1795563672408);
INSERT INTO events VALUES(1,1,1795563672385,'{"v":1,"at_ms":0.5,"conversation":"s","depth":0,"agent":"main","kind":{"kind":"turn_started","value":{}}}');
