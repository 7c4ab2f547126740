//! Every limit on what comes from outside, in one table (bytes are counted after decompression).

/// A limit was broken; it fails the item that broke it and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is longer than {limit} {unit}")]
pub struct OverLimit {
    /// What was being read.
    pub what: &'static str,
    /// The limit.
    pub limit: u64,
    /// `bytes`, `lines`, `levels`, `nodes`.
    pub unit: &'static str,
}

/// Bytes of a YAML file.
pub const YAML_BYTES_MAX: u64 = 1 << 20;
/// Nodes of a YAML file.
pub const YAML_NODES_MAX: usize = 50_000;
/// Depth of a YAML file.
pub const YAML_DEPTH_MAX: usize = 32;
/// Aliases in a YAML file.
pub const YAML_ALIASES_MAX: usize = 100;
/// Files of one inventory.
pub const INVENTORY_FILES_MAX: usize = 2_000;
/// Seats of one inventory.
pub const INVENTORY_SEATS_MAX: usize = 50_000;
/// Bytes of a file that holds one secret.
pub const SECRET_BYTES_MAX: u64 = 16 * 1024;
/// Recovery recipients of one Hoshu: each sealed key grows by 100 bytes for each.
pub const RECOVERY_RECIPIENTS_MAX: usize = 16;
/// Bytes of the status line and the fields with which an HTTP proxy answers.
pub const HOP_HEAD_BYTES_MAX: usize = 8 * 1024;
/// Bytes of an SSH banner.
pub const BANNER_BYTES_MAX: usize = 64 * 1024;
/// Bytes that an appliance may print before its first prompt (message of the day, banner).
pub const GREETING_BYTES_MAX: usize = 64 * 1024;
/// Bytes of the answer to a show command.
pub const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Bytes of a configuration.
pub const CONFIGURATION_BYTES_MAX: usize = 64 << 20;
/// Bytes of one line of an answer.
pub const LINE_BYTES_MAX: usize = 64 * 1024;
/// Readings that one answer may give.
pub const READINGS_MAX: usize = 2_000;
/// Prompts of one keyboard-interactive round.
pub const PROMPTS_MAX: usize = 8;
/// Characters of one keyboard-interactive prompt.
pub const PROMPT_CHARS_MAX: usize = 256;
/// Rounds of keyboard-interactive authentication.
pub const PROMPT_ROUNDS_MAX: usize = 3;
/// Objects smaller than this, when sealed, live in the store instead of the depot's folder.
pub const SMALL_OBJECT_BYTES: usize = 64 * 1024;
/// The largest zstd window that is opened, as a power of two (8 MiB).
pub const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Bytes of all files of one generation of the inventory.
pub const GENERATION_BYTES_MAX: usize = 256 << 20;
/// Bytes of one packed piece of polls or numbers, unpacked.
pub const PACKED_BYTES_MAX: usize = 4 << 20;
/// Rows of one list.
pub const LIST_ROWS_MAX: i64 = 100_000;
/// Bytes of a sealed object, and of what is in it.
pub const OBJECT_BYTES_MAX: usize = 80 << 20;
/// Problems of files that are told at once; a person works through fewer.
pub const PROBLEMS_MAX: usize = 1_000;
/// Bytes of a regular expression of a definition, compiled.
pub const EXPRESSION_BYTES_MAX: usize = 1 << 18;
