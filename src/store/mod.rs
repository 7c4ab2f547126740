//! L3: diesel on SQLite and PostgreSQL, two write classes, append-only tables, the audit.
