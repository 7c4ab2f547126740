//! Is a file that an appliance pushed what the appliance says that it pushed? Nobody looks into the file.

use crate::model::backup::{Doubt, DoubtFound, Grade};
use crate::model::push::{HeldCopy, PrintedSize, Profile, PushReport};

/// What is known of a push that came to its end.
#[derive(Debug)]
pub struct PushEvidence<'a> {
    /// What was asked for.
    pub profile: Profile,
    /// Bytes that arrived.
    pub bytes: u64,
    /// The appliance asked about our host key before it pushed, or was told yes at an earlier push.
    pub authenticated: bool,
    /// What the appliance said before.
    pub before: &'a PushReport,
    /// What it said after.
    pub after: &'a PushReport,
}

/// What a pushed file is worth, and what is to be said of it.
pub fn judge_pushed(evidence: &PushEvidence<'_>) -> (Grade, Vec<DoubtFound>) {
    let mut doubts = Vec::new();
    let mut doubt = |doubt, detail: String| doubts.push(DoubtFound { doubt, detail: detail.into() });
    if evidence.bytes == 0 {
        doubt(Doubt::Empty, "the file has no byte".to_owned());
    }
    let (status, profile) = (&evidence.after.status, evidence.profile.as_str());
    match (&status.profile, status.success) {
        (None, _) | (_, None) => doubt(Doubt::NotReported, "show backup status says nothing of it".to_owned()),
        (Some(found), _) if found != profile => {
            doubt(Doubt::ReportDiffers, format!("show backup status: expected profile {profile}, found {found}"));
        }
        (_, Some(false)) => doubt(Doubt::ReportDiffers, "show backup status: it did not succeed".to_owned()),
        _ if status.ended.is_some() && status.ended == evidence.before.status.ended => {
            doubt(Doubt::NotReported, "show backup status still speaks of an earlier backup".to_owned());
        }
        _ => {}
    }
    let fresh = |copy: &&HeldCopy| copy.profile.as_deref() == Some(profile) && !evidence.before.copies.contains(copy);
    let sizes: Vec<PrintedSize> =
        evidence.after.copies.iter().filter(fresh).flat_map(|copy| copy.sizes.clone()).collect();
    let agrees = |size: &PrintedSize| evidence.bytes.abs_diff(size.bytes) <= size.rounded;
    if !sizes.is_empty() && !sizes.iter().any(agrees) {
        let found: Vec<String> = sizes.iter().map(|size| size.bytes.to_string()).collect();
        let found = found.join(" or ");
        doubt(
            Doubt::ReportDiffers,
            format!("show backup available: {} bytes arrived, it says {found}", evidence.bytes),
        );
    }
    // Nobody vouches for a file that was pushed to whoever answered, but the appliance's own word of its size.
    if !evidence.authenticated && sizes.is_empty() {
        doubt(Doubt::NotReported, "show backup available says nothing of its size".to_owned());
    }
    let grade = if doubts.is_empty() { Grade::Taken } else { Grade::Suspect };
    if !evidence.authenticated {
        let detail = "the appliance did not ask whose host key it pushed to".into();
        doubts.push(DoubtFound { doubt: Doubt::DropUnauthenticated, detail });
    }
    (grade, doubts)
}

/// What is known of a log bundle that was pushed.
#[derive(Debug)]
pub struct BundleEvidence<'a> {
    /// Bytes that arrived.
    pub bytes: u64,
    /// As in [`PushEvidence`].
    pub authenticated: bool,
    /// The dump that the appliance says it wrote.
    pub written: Option<&'a str>,
    /// The dumps that it held before.
    pub before: &'a [String],
    /// The dumps that it holds after.
    pub after: &'a [String],
}

/// What a log bundle is worth: the appliance names the dump that it wrote, holds it, and held it not before. It was told
/// to push its latest, so that none may have come beside it. It says of none how large it is, and so nobody vouches for
/// one that was pushed to whoever answered.
pub fn judge_bundle(evidence: &BundleEvidence<'_>) -> (Grade, Vec<DoubtFound>) {
    let mut doubts = Vec::new();
    let mut doubt = |doubt, detail: String| doubts.push(DoubtFound { doubt, detail: detail.into() });
    if evidence.bytes == 0 {
        doubt(Doubt::Empty, "the file has no byte".to_owned());
    }
    let new: Vec<&str> =
        evidence.after.iter().filter(|name| !evidence.before.contains(name)).map(String::as_str).collect();
    match (evidence.written, new.as_slice()) {
        (None, _) => doubt(Doubt::NotReported, "debug generate dump names no dump".to_owned()),
        (Some(_), []) => doubt(Doubt::NotReported, "show files debug-dump shows no new one".to_owned()),
        (Some(written), [new]) if written == *new => {}
        (Some(written), new) => {
            doubt(Doubt::ReportDiffers, format!("show files debug-dump: expected {written}, found {}", new.join(", ")));
        }
    }
    if !evidence.authenticated {
        doubt(Doubt::DropUnauthenticated, "the appliance did not ask whose host key it pushed to".to_owned());
    }
    (if doubts.is_empty() { Grade::Taken } else { Grade::Suspect }, doubts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_the_dump_that_the_appliance_wrote_and_no_other() {
        let [old, new, other] = ["sysdump-a-1.tgz", "sysdump-a-2.tgz", "sysdump-a-3.tgz"].map(str::to_owned);
        let judge = |bytes, authenticated, written: Option<&str>, after: &[&String]| {
            let after: Vec<String> = after.iter().map(|name| (*name).clone()).collect();
            let before = std::slice::from_ref(&old);
            let (grade, doubts) =
                judge_bundle(&BundleEvidence { bytes, authenticated, written, before, after: &after });
            assert_eq!(grade == Grade::Taken, doubts.is_empty());
            doubts.into_iter().map(|found| found.doubt).collect::<Vec<_>>()
        };
        assert_eq!(judge(9, true, Some(&new), &[&old, &new]), []);
        assert_eq!(judge(9, true, Some(&new), &[&new]), [], "an old one may go");
        assert_eq!(judge(0, true, Some(&new), &[&old, &new]), [Doubt::Empty]);
        assert_eq!(judge(9, false, Some(&new), &[&old, &new]), [Doubt::DropUnauthenticated]);
        assert_eq!(judge(9, true, None, &[&old, &new]), [Doubt::NotReported]);
        assert_eq!(judge(9, true, Some(&new), &[&old]), [Doubt::NotReported]);
        assert_eq!(judge(9, true, Some(&new), &[&old, &other]), [Doubt::ReportDiffers]);
        assert_eq!(judge(9, true, Some(&new), &[&new, &other]), [Doubt::ReportDiffers]);
    }
    use crate::model::push::PushStatus;

    fn report(ended: &str, sizes: &[u64]) -> PushReport {
        let status = PushStatus {
            running: false,
            profile: Some("full".to_owned()),
            ended: Some(ended.to_owned()),
            success: Some(true),
        };
        let sizes: Vec<_> = sizes.iter().map(|bytes| PrintedSize { bytes: *bytes, rounded: 0 }).collect();
        let copy = HeldCopy { profile: Some("full".to_owned()), created: Some(ended.to_owned()), sizes: sizes.clone() };
        PushReport { status, copies: if sizes.is_empty() { Vec::new() } else { vec![copy] } }
    }

    fn judge(bytes: u64, authenticated: bool, before: &PushReport, after: &PushReport) -> (Grade, Vec<Doubt>) {
        let (grade, doubts) =
            judge_pushed(&PushEvidence { profile: Profile::Full, bytes, authenticated, before, after });
        (grade, doubts.into_iter().map(|found| found.doubt).collect())
    }

    #[test]
    fn what_the_appliance_confirms_counts() {
        let (before, after) = (report("1", &[]), report("2", &[70, 50]));
        assert_eq!(judge(50, true, &before, &after), (Grade::Taken, vec![]));
        assert_eq!(judge(70, true, &before, &after), (Grade::Taken, vec![]));
        assert_eq!(judge(51, true, &before, &after), (Grade::Suspect, vec![Doubt::ReportDiffers]));
        // Without a size, the host key vouches for it; without either nobody does.
        assert_eq!(judge(50, true, &before, &report("2", &[])), (Grade::Taken, vec![]));
        let unauthenticated = judge(50, false, &before, &report("2", &[]));
        assert_eq!(unauthenticated, (Grade::Suspect, vec![Doubt::NotReported, Doubt::DropUnauthenticated]));
        assert_eq!(judge(50, false, &before, &after), (Grade::Taken, vec![Doubt::DropUnauthenticated]));
    }

    #[test]
    fn what_the_appliance_says_of_another_backup_confirms_nothing() {
        let (before, after) = (report("1", &[50]), report("2", &[50]));
        let stale = PushReport { status: before.status.clone(), copies: after.copies.clone() };
        assert_eq!(judge(50, true, &before, &stale), (Grade::Suspect, vec![Doubt::NotReported]));
        // The only copy of that size was there before.
        let old = PushReport { status: after.status.clone(), copies: before.copies.clone() };
        assert_eq!(judge(50, false, &before, &old).0, Grade::Suspect);
        let mut other = after.clone();
        other.status.profile = Some("config".to_owned());
        assert_eq!(judge(50, true, &before, &other).0, Grade::Suspect);
        let mut failed = after.clone();
        failed.status.success = Some(false);
        assert_eq!(judge(50, true, &before, &failed).0, Grade::Suspect);
        assert_eq!(judge(50, true, &before, &PushReport::default()).0, Grade::Suspect);
        assert_eq!(judge(0, true, &before, &report("2", &[0])).0, Grade::Suspect);
    }
}
