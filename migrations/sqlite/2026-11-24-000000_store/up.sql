-- One row: which store this is, and into which realm it was born.
CREATE TABLE store_meta (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    store_id TEXT NOT NULL,
    realm TEXT NOT NULL CHECK (realm IN ('lab', 'live')),
    made_at BIGINT NOT NULL
);

-- Each accepted load of the inventory, whole and compressed.
CREATE TABLE generation (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    digest TEXT NOT NULL,
    accepted_at BIGINT NOT NULL,
    accepted_by TEXT NOT NULL,
    files BLOB NOT NULL
);

CREATE TABLE asset (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    customer TEXT NOT NULL,
    serial TEXT,
    product TEXT,
    model TEXT,
    appliance_id TEXT,
    release TEXT,
    release_at BIGINT
);

-- Which asset sits in which seat, from when to when.
CREATE TABLE tenure (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    asset_id BIGINT NOT NULL REFERENCES asset (id),
    seat TEXT NOT NULL,
    from_at BIGINT NOT NULL,
    to_at BIGINT,
    reason TEXT NOT NULL
);

-- A bastion on a way in: it has a host key and an account, and is no appliance.
CREATE TABLE hop (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    customer TEXT NOT NULL,
    gateway TEXT NOT NULL,
    place TEXT NOT NULL,
    UNIQUE (customer, gateway, place)
);

-- Of an asset, or of a hop.
CREATE TABLE host_key (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    asset_id BIGINT REFERENCES asset (id),
    hop_id BIGINT REFERENCES hop (id),
    algorithm TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    public_key TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('seen', 'accepted', 'revoked')),
    seen_at BIGINT NOT NULL,
    route TEXT,
    decided_by TEXT,
    decided_at BIGINT,
    UNIQUE (asset_id, fingerprint),
    UNIQUE (hop_id, fingerprint),
    CHECK ((asset_id IS NULL) <> (hop_id IS NULL))
);

-- Equal readings of one component grow into one row.
CREATE TABLE reading_span (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    customer TEXT NOT NULL,
    seat TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN (
            'reach', 'identity', 'system', 'temperature', 'raid', 'disk', 'power', 'psu', 'fans', 'fan',
            'service', 'licence', 'content', 'guest-image', 'boot', 'interface', 'port-pair', 'traffic', 'mail',
            'mta', 'agents', 'last-event', 'file-system', 'ntp', 'clock', 'cm-link', 'configuration', 'channel',
            'overall', 'mail-queue', 'analysis', 'managed', 'api-status', 'api-limit', 'last-alert', 'answer'
        )),
    name TEXT NOT NULL,
    condition TEXT NOT NULL CHECK (condition IN (
            'good', 'disabled', 'learning', 'quiet', 'warning', 'stale', 'missing', 'malformed', 'unrecognised',
            'unprotected', 'mute', 'blind', 'bad'
        )),
    said TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    polls BIGINT NOT NULL,
    is_open BOOLEAN NOT NULL
);

CREATE TABLE poll_last (
    customer TEXT NOT NULL,
    seat TEXT NOT NULL,
    at BIGINT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN (
            'answered', 'not-yet-served', 'no-ssh', 'due-attended', 'no-credential', 'braked', 'legacy-over', 'key-unknown',
            'key-changed', 'timed-out', 'refused', 'closed-early', 'protocol', 'login-refused', 'no-prompt', 'dropped',
            'over-limit', 'not-understood', 'wrong-appliance', 'not-kept', 'not-pushed', 'stopped'
        )),
    reason TEXT NOT NULL,
    took_ms BIGINT NOT NULL,
    pulse_at BIGINT,
    detail_at BIGINT,
    slow_at BIGINT,
    PRIMARY KEY (customer, seat)
);

-- The polls of one seat and day: outcomes, tiers and latencies, packed.
CREATE TABLE poll_day (
    customer TEXT NOT NULL,
    seat TEXT NOT NULL,
    day_at BIGINT NOT NULL,
    packed BLOB NOT NULL,
    PRIMARY KEY (customer, seat, day_at)
);

-- All numbers of one seat, packed: an hour of minutes, or a day of hours (lowest, mean, highest).
CREATE TABLE series_chunk (
    customer TEXT NOT NULL,
    seat TEXT NOT NULL,
    step TEXT NOT NULL CHECK (step IN ('minute', 'hour')),
    start_at BIGINT NOT NULL,
    packed BLOB NOT NULL,
    PRIMARY KEY (customer, seat, step, start_at)
);

CREATE TABLE finding (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    customer TEXT NOT NULL,
    seat TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN (
            'reach', 'identity', 'system', 'temperature', 'raid', 'disk', 'power', 'psu', 'fans', 'fan',
            'service', 'licence', 'content', 'guest-image', 'boot', 'interface', 'port-pair', 'traffic', 'mail',
            'mta', 'agents', 'last-event', 'file-system', 'ntp', 'clock', 'cm-link', 'configuration', 'channel',
            'overall', 'mail-queue', 'analysis', 'managed', 'api-status', 'api-limit', 'last-alert', 'answer'
        )),
    name TEXT NOT NULL,
    condition TEXT NOT NULL CHECK (condition IN (
            'good', 'disabled', 'learning', 'quiet', 'warning', 'stale', 'missing', 'malformed', 'unrecognised',
            'unprotected', 'mute', 'blind', 'bad'
        )),
    said TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('soft', 'hard', 'ended')),
    since_at BIGINT NOT NULL,
    hard_at BIGINT,
    last_at BIGINT NOT NULL,
    bad_count BIGINT NOT NULL,
    good_count BIGINT NOT NULL,
    ended_at BIGINT,
    CHECK ((state = 'ended') = (ended_at IS NOT NULL))
);

-- Sealed objects: small ones whole, large ones by their path in the depot. Each is sealed to its customer's key of
-- that generation.
CREATE TABLE object (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    customer TEXT NOT NULL,
    seat TEXT NOT NULL,
    generation BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('configuration', 'pushed', 'transcript')),
    taken_at BIGINT NOT NULL,
    nonce TEXT NOT NULL,
    digest BLOB NOT NULL,
    bytes BIGINT NOT NULL,
    path TEXT,
    body BLOB,
    CHECK ((path IS NULL) <> (body IS NULL))
);

-- The redacted text of an object: every secret that the rules know is masked in it. It can be made again from the object.
CREATE TABLE object_text (
    object_id BIGINT NOT NULL PRIMARY KEY REFERENCES object (id),
    packed BLOB NOT NULL
);

CREATE TABLE backup (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('configuration', 'profile-config', 'profile-fedb', 'profile-config+fedb', 'profile-full',
        'log-bundle')),
    customer TEXT NOT NULL,
    seat TEXT NOT NULL,
    asset_id BIGINT NOT NULL REFERENCES asset (id),
    taken_at BIGINT NOT NULL,
    grade TEXT NOT NULL CHECK (grade IN ('taken', 'suspect')),
    doubts TEXT NOT NULL,
    change_id BIGINT,
    release TEXT,
    bytes BIGINT NOT NULL,
    lines BIGINT NOT NULL,
    sections TEXT NOT NULL,
    content BLOB NOT NULL,
    object_id BIGINT NOT NULL REFERENCES object (id)
);

-- When the same configuration was last fetched: the one fact of a backup that moves.
CREATE TABLE backup_seen (
    backup_id BIGINT NOT NULL PRIMARY KEY REFERENCES backup (id),
    seen_at BIGINT NOT NULL
);

-- What was learned of a backup after it was taken. What it is worth follows from its grade and these.
CREATE TABLE backup_event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    backup_id BIGINT NOT NULL REFERENCES backup (id),
    at BIGINT NOT NULL,
    event TEXT NOT NULL CHECK (event IN ('verified', 'doubted', 'accepted', 'proved', 'not-proved', 'damaged')),
    detail TEXT NOT NULL
);

-- Which backups were pruned, and why. Rows of a backup and its object may go only when they are named here.
CREATE TABLE pruned (
    backup_id BIGINT NOT NULL PRIMARY KEY,
    customer TEXT NOT NULL,
    seat TEXT NOT NULL,
    taken_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    grade TEXT NOT NULL CHECK (grade IN ('damaged', 'doubted', 'suspect', 'taken', 'verified', 'proved')),
    object_id BIGINT NOT NULL,
    pruned_at BIGINT NOT NULL,
    reason TEXT NOT NULL
);

-- Sessions that leave a transcript, as they begin. One without a row in `transcript_end` is under way, or was cut off.
CREATE TABLE transcript (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    customer TEXT NOT NULL,
    seat TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('login', 'automatic')),
    who TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    process TEXT NOT NULL
);

-- How they ended, and the sealed transcript.
CREATE TABLE transcript_end (
    transcript_id BIGINT NOT NULL PRIMARY KEY REFERENCES transcript (id),
    ended_at BIGINT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('left', 'closed', 'broke', 'idle', 'stopped')),
    detail TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    commands BIGINT NOT NULL,
    denied BIGINT NOT NULL,
    cut BOOLEAN NOT NULL,
    object_id BIGINT NOT NULL REFERENCES object (id)
);

-- Which transcripts were pruned. Their rows and objects may go only when they are named here.
CREATE TABLE transcript_pruned (
    transcript_id BIGINT NOT NULL PRIMARY KEY,
    customer TEXT NOT NULL,
    seat TEXT NOT NULL,
    who TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    object_id BIGINT,
    pruned_at BIGINT NOT NULL
);

-- Keys of the house itself, sealed to the root key and the recovery recipients: the host key of the drop.
CREATE TABLE house_key (
    name TEXT NOT NULL PRIMARY KEY,
    public TEXT NOT NULL,
    sealed BLOB NOT NULL,
    sealed_to TEXT NOT NULL,
    made_at BIGINT NOT NULL
);

-- Each customer's key pairs; the highest generation is the present one. A destroyed one is a tombstone.
CREATE TABLE customer_key (
    customer TEXT NOT NULL,
    generation BIGINT NOT NULL CHECK (generation > 0),
    public TEXT NOT NULL,
    private_sealed BLOB,
    content_sealed BLOB,
    sealed_to TEXT,
    made_at BIGINT NOT NULL,
    destroyed_at BIGINT,
    reason TEXT,
    PRIMARY KEY (customer, generation),
    CHECK ((destroyed_at IS NULL) = (private_sealed IS NOT NULL)),
    CHECK ((destroyed_at IS NULL) = (content_sealed IS NOT NULL)),
    CHECK ((destroyed_at IS NULL) = (sealed_to IS NOT NULL)),
    CHECK ((destroyed_at IS NULL) = (reason IS NULL))
);

-- An empty seat is the whole fleet.
CREATE TABLE credential_brake (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    customer TEXT NOT NULL,
    credential TEXT NOT NULL,
    door TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('accepted', 'refused', 'stopped')),
    at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    UNIQUE (credential, door)
);

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    proof TEXT NOT NULL CHECK (proof IN ('claimed', 'itself')),
    act TEXT NOT NULL CHECK (act IN (
            'store-made', 'inventory-accepted', 'root-key-made', 'customer-key-made', 'customer-key-rotated',
            'customer-key-rewrapped', 'customer-key-recovered', 'customer-key-destroyed', 'customer-key-exported',
            'host-key-seen', 'host-key-accepted', 'host-key-revoked', 'asset-identified', 'backup-taken', 'bundle-taken', 'bundle-pruned', 'bundle-exported',
            'drop-key-made', 'drop-key-rewrapped', 'push-asked', 'drop-key-confirmed', 'drop-refused', 'backup-judged',
            'backup-pruned', 'depot-swept', 'backup-redacted', 'backup-exported', 'object-opened',
            'asked', 'recorded', 'way-opening', 'way-opened', 'way-closed', 'session-began', 'session-ended', 'transcript-exported',
            'transcript-pruned', 'credential-stopped', 'credential-cleared'
        )),
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
);

CREATE UNIQUE INDEX tenure_current ON tenure (seat) WHERE to_at IS NULL;
CREATE UNIQUE INDEX tenure_asset_current ON tenure (asset_id) WHERE to_at IS NULL;
CREATE UNIQUE INDEX asset_identity ON asset (product, model, serial);
CREATE INDEX host_key_fingerprint ON host_key (fingerprint);
CREATE UNIQUE INDEX reading_span_open ON reading_span (customer, seat, kind, name) WHERE is_open;
CREATE INDEX reading_span_seat ON reading_span (seat, first_at);
CREATE UNIQUE INDEX finding_open ON finding (customer, seat, kind, name) WHERE ended_at IS NULL;
CREATE INDEX finding_seat ON finding (seat, since_at);
CREATE INDEX series_chunk_age ON series_chunk (step, start_at);
CREATE INDEX poll_day_age ON poll_day (day_at);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX backup_seat ON backup (seat, taken_at);
CREATE INDEX audit_subject ON audit (subject, at);
CREATE INDEX backup_event_backup ON backup_event (backup_id);
CREATE INDEX backup_object ON backup (object_id);
CREATE INDEX pruned_object ON pruned (object_id);
CREATE INDEX transcript_seat ON transcript (seat, began_at);
CREATE INDEX transcript_began ON transcript (began_at);
CREATE INDEX transcript_end_object ON transcript_end (object_id);
CREATE INDEX transcript_pruned_object ON transcript_pruned (object_id);

-- What is recorded stays as it was written; a backup goes when `pruned` names it, whole and never in part.
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit is append-only');
END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit is append-only');
END;
CREATE TRIGGER generation_no_update BEFORE UPDATE ON generation
BEGIN
    SELECT RAISE(ABORT, 'generation is append-only');
END;
CREATE TRIGGER generation_no_delete BEFORE DELETE ON generation
BEGIN
    SELECT RAISE(ABORT, 'generation is append-only');
END;
CREATE TRIGGER backup_no_update BEFORE UPDATE ON backup
BEGIN
    SELECT RAISE(ABORT, 'backup is append-only');
END;
CREATE TRIGGER backup_no_delete BEFORE DELETE ON backup
WHEN NOT EXISTS (SELECT 1 FROM pruned WHERE backup_id = OLD.id)
BEGIN
    SELECT RAISE(ABORT, 'backup is append-only');
END;
CREATE TRIGGER backup_event_no_update BEFORE UPDATE ON backup_event
BEGIN
    SELECT RAISE(ABORT, 'backup_event is append-only');
END;
CREATE TRIGGER backup_event_no_delete BEFORE DELETE ON backup_event
WHEN NOT EXISTS (SELECT 1 FROM pruned WHERE backup_id = OLD.backup_id)
BEGIN
    SELECT RAISE(ABORT, 'backup_event is append-only');
END;
CREATE TRIGGER object_no_update BEFORE UPDATE ON object
BEGIN
    SELECT RAISE(ABORT, 'object is append-only');
END;
CREATE TRIGGER object_no_delete BEFORE DELETE ON object
WHEN NOT EXISTS (SELECT 1 FROM pruned WHERE object_id = OLD.id)
    AND NOT EXISTS (SELECT 1 FROM transcript_pruned WHERE object_id = OLD.id)
BEGIN
    SELECT RAISE(ABORT, 'object is append-only');
END;
CREATE TRIGGER pruned_no_update BEFORE UPDATE ON pruned
BEGIN
    SELECT RAISE(ABORT, 'pruned is append-only');
END;
CREATE TRIGGER pruned_no_delete BEFORE DELETE ON pruned
BEGIN
    SELECT RAISE(ABORT, 'pruned is append-only');
END;
CREATE TRIGGER transcript_no_update BEFORE UPDATE ON transcript
BEGIN
    SELECT RAISE(ABORT, 'transcript is append-only');
END;
CREATE TRIGGER transcript_no_delete BEFORE DELETE ON transcript
WHEN NOT EXISTS (SELECT 1 FROM transcript_pruned WHERE transcript_id = OLD.id)
BEGIN
    SELECT RAISE(ABORT, 'transcript is append-only');
END;
CREATE TRIGGER transcript_end_no_update BEFORE UPDATE ON transcript_end
BEGIN
    SELECT RAISE(ABORT, 'transcript_end is append-only');
END;
CREATE TRIGGER transcript_end_no_delete BEFORE DELETE ON transcript_end
WHEN NOT EXISTS (SELECT 1 FROM transcript_pruned WHERE transcript_id = OLD.transcript_id)
BEGIN
    SELECT RAISE(ABORT, 'transcript_end is append-only');
END;
CREATE TRIGGER transcript_pruned_no_update BEFORE UPDATE ON transcript_pruned
BEGIN
    SELECT RAISE(ABORT, 'transcript_pruned is append-only');
END;
CREATE TRIGGER transcript_pruned_no_delete BEFORE DELETE ON transcript_pruned
BEGIN
    SELECT RAISE(ABORT, 'transcript_pruned is append-only');
END;
