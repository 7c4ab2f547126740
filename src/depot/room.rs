//! Room for what is fetched: it is reserved before anything is transferred.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::files::{Depot, DepotError, failed};

/// Sealed and in clear, and what the file system needs beside it.
const FACTOR: u64 = 2;

/// Room that nobody else gets until this is dropped.
#[derive(Debug)]
pub struct Reservation {
    bytes: u64,
    reserved: Arc<AtomicU64>,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.reserved.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Depot {
    /// Reserves room for something of so many bytes, twice over, where `keep_free` bytes stay free whatever comes. Asks
    /// the file system once.
    pub fn reserve(&self, bytes: u64, keep_free: u64) -> Result<Reservation, DepotError> {
        let found = free(self.folder())?;
        let bytes = bytes.saturating_mul(FACTOR);
        let before = self.reserved().fetch_add(bytes, Ordering::Relaxed);
        let reservation = Reservation { bytes, reserved: Arc::clone(self.reserved()) };
        let expected = keep_free.saturating_add(before).saturating_add(bytes);
        if found < expected {
            return Err(DepotError::Full { path: self.folder().to_owned(), expected, found });
        }
        Ok(reservation)
    }
}

/// Bytes that are free to us where a folder lies.
fn free(folder: &Path) -> Result<u64, DepotError> {
    let facts = rustix::fs::statvfs(folder).map_err(|error| failed(folder, error.into()))?;
    Ok(facts.f_bavail.saturating_mul(facts.f_frsize))
}

/// Bytes as people say them: `513.0 MiB`.
pub(super) fn mib(bytes: u64) -> String {
    let tenths = u128::from(bytes) * 10 / (1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_is_nobody_elses_until_it_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let depot = Depot::open(&folder.path().join("depot")).unwrap();
        let all = free(folder.path()).unwrap();
        let third = all / 10 * 3;
        let first = depot.reserve(third, 0).unwrap();
        let clone = depot.clone();
        assert!(matches!(clone.reserve(third, 0), Err(DepotError::Full { .. })), "twice a third is more than the half");
        clone.reserve(third / 10, 0).unwrap();
        drop(first);
        let again = clone.reserve(third, 0).unwrap();
        drop(again);
        let refused = depot.reserve(1 << 20, u64::MAX).unwrap_err();
        assert!(refused.to_string().contains("expected 17592186044415.9 MiB free, found "), "{refused}");
        assert_eq!(depot.reserved().load(Ordering::Relaxed), 0, "a refusal reserves nothing");
        depot.reserve(1 << 20, all / 2).unwrap();
    }

    #[test]
    fn sizes_are_told_in_mebibytes() {
        assert_eq!((mib(0), mib((3 << 20) / 2)), ("0.0 MiB".to_owned(), "1.5 MiB".to_owned()));
    }
}
