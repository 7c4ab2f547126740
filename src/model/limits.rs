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
/// Bytes of the answer of a server of secrets: one secret in Base64, and what stands around it.
pub const VAULT_ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a file of certificates.
pub const CERTIFICATES_BYTES_MAX: u64 = 1 << 20;
/// Recovery recipients of one Hoshu: each sealed key grows by 100 bytes for each.
pub const RECOVERY_RECIPIENTS_MAX: usize = 16;
/// Bytes of the status line and the fields with which an HTTP proxy answers.
pub const HOP_HEAD_BYTES_MAX: usize = 8 * 1024;
/// Bytes of an SSH banner.
pub const BANNER_BYTES_MAX: usize = 64 * 1024;
/// Bytes that an appliance may print before its first prompt (message of the day, banner).
pub const GREETING_BYTES_MAX: usize = 64 * 1024;
/// Characters of a serial, product, model or appliance ID; the longest known model has 34.
pub const IDENTITY_CHARS_MAX: usize = 64;
/// Bytes of the answer to a show command.
pub const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Bytes of all answers to one question that is asked of many appliances.
pub const ANSWERS_BYTES_MAX: usize = 256 << 20;
/// The answers of a recording together.
pub const RECORDING_BYTES_MAX: usize = 64 << 20;
/// The manifest of a recording.
pub const MANIFEST_BYTES_MAX: u64 = 1 << 20;
/// Commands of a recording.
pub const RECORDING_COMMANDS_MAX: usize = 500;
/// Bytes of a configuration.
pub const CONFIGURATION_BYTES_MAX: usize = 64 << 20;
/// Bytes of one line of an answer.
pub const LINE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of the file of last events.
pub const HEARD_BYTES_MAX: u64 = 16 << 20;
/// Lines of the file of last events.
pub const HEARD_LINES_MAX: usize = 200_000;
/// Bytes of one line of it.
pub const HEARD_LINE_BYTES_MAX: usize = 4 * 1024;
/// Readings that one answer may give.
pub const READINGS_MAX: usize = 2_000;
/// Prompts of one keyboard-interactive round.
pub const PROMPTS_MAX: usize = 8;
/// Characters of one keyboard-interactive prompt.
pub const PROMPT_CHARS_MAX: usize = 256;
/// Rounds of keyboard-interactive authentication.
pub const PROMPT_ROUNDS_MAX: usize = 3;
/// Bytes of the head of an answer by HTTP.
pub const HTTP_HEAD_BYTES_MAX: usize = 64 * 1024;
/// Bytes of an answer of an HTTPS API: it is of health, and of short lists.
pub const API_BYTES_MAX: usize = 1 << 20;
/// How deep JSON from outside may go.
pub const JSON_DEPTH_MAX: usize = 64;
/// Objects of one walk by SNMP: an appliance has a few hundred.
pub const SNMP_OBJECTS_MAX: usize = 10_000;
/// Bytes of the names and values of one walk by SNMP.
pub const SNMP_BYTES_MAX: usize = 4 << 20;
/// Bytes of one value of SNMP that are read; the rest is left out.
pub const SNMP_VALUE_BYTES_MAX: usize = 4 * 1024;
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
/// Bytes of a file that an appliance pushes, whatever it estimates.
pub const PUSH_BYTES_MAX: u64 = 64 << 30;
/// Bytes of a log bundle, of which an appliance estimates nothing.
pub const BUNDLE_BYTES_MAX: u64 = 2 << 30;
/// Problems of files that are told at once; a person works through fewer.
pub const PROBLEMS_MAX: usize = 1_000;
/// Bytes of a table of another tool, as it lies on the disk.
pub const IMPORT_BYTES_MAX: u64 = 10 << 20;
/// Bytes of all members of a workbook, unpacked; and of the text of all its cells.
pub const IMPORT_UNPACKED_BYTES_MAX: u64 = 128 << 20;
/// Rows of a table.
pub const IMPORT_ROWS_MAX: u32 = 100_000;
/// Columns of a table.
pub const IMPORT_COLUMNS_MAX: u32 = 500;
/// Cells of a table that hold something.
pub const IMPORT_CELLS_MAX: usize = 1_000_000;
/// Characters of a cell: what Excel itself allows.
pub const IMPORT_CELL_CHARS_MAX: usize = 32_767;
/// Sheets of a workbook.
pub const IMPORT_SHEETS_MAX: usize = 200;
/// Merged cells of a sheet.
pub const IMPORT_MERGED_MAX: usize = 10_000;
/// Bytes of a regular expression of a definition, compiled.
pub const EXPRESSION_BYTES_MAX: usize = 1 << 18;
/// Bytes of a transcript; what a session says beyond them is not kept, and the transcript says so.
pub const TRANSCRIPT_BYTES_MAX: usize = 8 << 20;
/// Characters of a line that a person types.
pub const TYPED_CHARS_MAX: usize = 400;
