//! What a unit says by SNMP. Source: the text of FE-FIREEYE-MIB, and the objects beyond it that monitoring plug-ins read
//! from real units (licences with their days, mail queues); status objects are texts, and truth is 1 or 2.

use super::afflict::afflicted;
use super::page::local;
use super::show::content;
use super::state::{Fan, Unit};
use crate::lab::fault::Fault;
use crate::model::snmp::{Oid, SnmpObject, SnmpValue};
use crate::model::time::Time;

/// The vendor's place in the tree.
const VENDOR: &[u32] = &[1, 3, 6, 1, 4, 1, 25597];
/// `sysDescr` and `sysObjectID` stand below it.
const SYSTEM: &[u32] = &[1, 3, 6, 1, 2, 1, 1];

/// Objects as they are added; they are sorted at the end.
struct Tree(Vec<SnmpObject>);

impl Tree {
    fn put(&mut self, root: &[u32], at: &[u32], value: SnmpValue) {
        let oid = Oid::new(root.iter().chain(at).copied().collect());
        self.0.push(SnmpObject { oid, value });
    }

    fn text(&mut self, at: &[u32], text: impl Into<String>) {
        self.put(VENDOR, at, SnmpValue::Text(text.into().into()));
    }

    fn truth(&mut self, at: &[u32], truth: bool) {
        self.put(VENDOR, at, SnmpValue::Integer(if truth { 1 } else { 2 }));
    }

    fn count(&mut self, at: &[u32], count: u64) {
        self.put(VENDOR, at, SnmpValue::Unsigned(count));
    }

    /// A word for something and whether that means healthy.
    fn state(&mut self, [word_at, truth_at]: [&[u32]; 2], word: &str) {
        self.text(word_at, word);
        self.truth(truth_at, is_well(word));
    }
}

fn is_well(word: &str) -> bool {
    matches!(word, "Good" | "Ok" | "Online" | "Normal" | "Healthy")
}

impl Unit {
    /// Its objects in the order of a walk.
    pub fn objects(&self, now: Time) -> Vec<SnmpObject> {
        let mut shown = afflicted(self).into_owned();
        if self.has(Fault::SnmpDisagrees) {
            // The agent's view of the array stands still at a failure that the command line does not know.
            "Degraded".clone_into(&mut shown.hardware.raid);
            if let Some(disk) = shown.hardware.disks.last_mut() {
                "Failed".clone_into(&mut disk.state);
            }
        }
        let mut tree = Tree(Vec::new());
        shown.put_system(&mut tree, now);
        if !shown.virtual_machine {
            shown.put_hardware(&mut tree);
        }
        shown.put_software(&mut tree, now);
        shown.put_series(&mut tree);
        tree.0.sort_by(|a, b| a.oid.cmp(&b.oid));
        tree.0
    }

    fn put_system(&self, tree: &mut Tree, now: Time) {
        tree.put(SYSTEM, &[1, 0], SnmpValue::Text(format!("Linux {} simulated", self.model).into()));
        let uptime = u64::try_from(now.ms_since(self.booted_at) / 10).unwrap_or(0);
        tree.put(SYSTEM, &[3, 0], SnmpValue::Unsigned(uptime % (1 << 32)));
        let hardware = &self.hardware;
        let words = [&hardware.raid, &hardware.power, &hardware.fan, &hardware.temperature];
        let well = self.virtual_machine || words.iter().all(|word| is_well(word));
        tree.text(&[11, 1, 1, 1, 0], if well { "Good" } else { "Degraded" });
        tree.text(&[11, 1, 1, 2, 0], self.model.clone());
        tree.text(&[11, 1, 1, 3, 0], self.serial.clone());
    }

    fn put_hardware(&self, tree: &mut Tree) {
        let hardware = &self.hardware;
        tree.put(VENDOR, &[11, 1, 1, 4, 0], SnmpValue::Integer(i64::from(hardware.temperature_c)));
        tree.state([&[11, 1, 1, 5, 0], &[11, 1, 1, 6, 0]], &hardware.temperature);
        tree.state([&[11, 2, 1, 1, 0], &[11, 2, 1, 2, 0]], &hardware.raid);
        for (row, disk) in (1..).zip(&hardware.disks) {
            tree.count(&[11, 2, 1, 3, 1, 1, row], u64::from(row));
            tree.text(&[11, 2, 1, 3, 1, 2, row], (row - 1).to_string());
            tree.state([&[11, 2, 1, 3, 1, 3, row], &[11, 2, 1, 3, 1, 4, row]], &disk.state);
            tree.text(&[11, 2, 1, 3, 1, 5, row], "RAID");
            tree.text(&[11, 2, 1, 3, 1, 7, row], "1000204886016");
        }
        tree.state([&[11, 3, 1, 1, 0], &[11, 3, 1, 2, 0]], &hardware.power);
        for (row, module) in (1..).zip(&hardware.modules) {
            tree.count(&[11, 3, 1, 3, 1, 1, row], u64::from(row));
            tree.state([&[11, 3, 1, 3, 1, 2, row], &[11, 3, 1, 3, 1, 3, row]], &module.state);
        }
        tree.state([&[11, 4, 1, 1, 0], &[11, 4, 1, 2, 0]], &hardware.fan);
        for (row, Fan { state, rpm }) in (1..).zip(&hardware.fans) {
            tree.count(&[11, 4, 1, 3, 1, 1, row], u64::from(row));
            tree.state([&[11, 4, 1, 3, 1, 2, row], &[11, 4, 1, 3, 1, 3, row]], state);
            tree.count(&[11, 4, 1, 3, 1, 4, row], u64::from(*rpm));
        }
    }

    fn put_software(&self, tree: &mut Tree, now: Time) {
        let release = self.release().to_string();
        tree.text(&[11, 5, 1, 1, 0], format!("{} ({}) {release}", self.model, self.model));
        tree.text(&[11, 5, 1, 2, 0], release.clone());
        tree.text(&[11, 5, 1, 3, 0], release);
        tree.truth(&[11, 5, 1, 4, 0], true);
        tree.text(&[11, 5, 1, 5, 0], content::version_at(self, now));
        tree.truth(&[11, 5, 1, 6, 0], true);
        tree.text(&[11, 5, 1, 7, 0], local(content::updated(self, now).plus_ms(self.ntp.ahead_ms)));
        for (row, image) in (1..).zip(&self.content.guest_images) {
            tree.count(&[11, 5, 1, 8, 1, 1, row], u64::from(row));
            tree.text(&[11, 5, 1, 8, 1, 2, row], image.name.clone());
            tree.text(&[11, 5, 1, 8, 1, 3, row], image.version.clone());
            tree.truth(&[11, 5, 1, 8, 1, 4, row], true);
        }
        tree.count(&[11, 5, 1, 9, 0], 5);
        for (column, feature) in [(10, "FIREEYE_APPLIANCE"), (11, "CONTENT_UPDATES"), (12, "FIREEYE_SUPPORT")] {
            let known = self.licences.iter().find(|licence| licence.feature == feature);
            if let Some(licence) = known {
                tree.truth(&[11, 5, 1, column, 0], !licence.expired);
            }
        }
        for (row, licence) in (1..).zip(&self.licences) {
            tree.text(&[11, 5, 1, 16, 1, 1, row], licence.feature.clone());
            tree.text(&[11, 5, 1, 16, 1, 5, row], licence.ends.as_deref().map_or(String::new(), |end| days(end, now)));
        }
    }

    fn put_series(&self, tree: &mut Tree) {
        if let Some(mail) = &self.mail {
            let counts = [3, 0, mail.deferred, mail.hold, 8, 0, mail.active, 0];
            for (column, count) in [40, 41, 44, 45, 46, 47, 48, 49].into_iter().zip(counts) {
                tree.count(&[13, 1, column, 0], count);
            }
        }
        if !self.managed.is_empty() {
            tree.count(&[12, 1, 1, 0], self.managed.len() as u64);
        }
        for (row, managed) in (1..).zip(&self.managed) {
            tree.count(&[12, 1, 6, 1, 1, row], u64::from(row));
            tree.text(&[12, 1, 6, 1, 2, row], managed.name.clone());
            for column in 3..=7 {
                tree.truth(&[12, 1, 6, 1, column, row], true);
            }
        }
    }
}

/// The days until `yyyy/m/d`.
fn days(end: &str, now: Time) -> String {
    let end = chrono::NaiveDate::parse_from_str(end, "%Y/%m/%d");
    end.map_or(String::new(), |end| end.signed_duration_since(now.utc().date_naive()).num_days().to_string())
}
