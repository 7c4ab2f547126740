//! Twins for [`Twin`]: a unit of the same series, model and release, in factory state and with a chassis of its own, in
//! process and without a socket.

use super::fleet::{SeatSpec, modelled};
use super::unit::{SpecDefaults, Unit};
use crate::decide::backup::NotTaken;
use crate::engine::twin::{Loaded, NotModelled, Twin, TwinOf};
use crate::model::inventory::{Algorithms, DataPath};
use crate::model::name::NameError;

/// The name from which the chassis of every twin comes.
const NAME: &str = "twin";

/// The lab as the way to twins.
#[derive(Debug, Default)]
pub struct Twins {
    forgets: Option<String>,
}

impl Twins {
    /// Twins that take commands which begin so, and lose them: a fault, to see that it is found.
    pub fn forgetting(head: &str) -> Self {
        Self { forgets: Some(head.to_owned()) }
    }
}

fn spec(of: &TwinOf) -> Result<SeatSpec, NameError> {
    Ok(SeatSpec {
        seat: NAME.parse()?,
        customer: NAME.parse()?,
        site: NAME.parse()?,
        gateway: NAME.parse()?,
        address: None,
        series: of.series,
        model: of.model.clone(),
        hostname: "unconfigured".to_owned(),
        release: of.release.clone(),
        serial: None,
        data_path: DataPath::Tap,
        managed_by: None,
        manages: Vec::new(),
        virtual_machine: of.virtual_machine,
        algorithms: Algorithms::Modern,
        accounts: Vec::new(),
        snmp: None,
        api: false,
    })
}

impl Twin for Twins {
    fn load(&self, of: &TwinOf, text: &str) -> Result<Loaded, NotModelled> {
        let unknown = |why: &dyn std::fmt::Display| NotModelled(format!("{} {}: {why}", of.series, of.release));
        if !modelled(of.series, &of.release) {
            return Err(unknown(&"no unit of that release is modelled"));
        }
        let spec = spec(of).map_err(|error| unknown(&error))?;
        let unit = Unit::build(&spec, SpecDefaults { configuration_bytes: 0 });
        let (printed, refused) = unit.load(text, self.forgets.as_deref(), of.at);
        let not_taken = refused.into_iter().map(|refused| NotTaken {
            line: refused.line,
            said: refused.said,
            foreign: refused.foreign,
        });
        Ok(Loaded { printed, not_taken: not_taken.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::fleet::generated;
    use crate::model::inventory::Channel;
    use crate::model::series::Series;
    use crate::model::time::Time;

    const NOW: Time = Time::from_ms(1_795_453_200_000);

    fn twin_of(unit: &Unit, text: &str) -> Loaded {
        let of = TwinOf {
            series: unit.series,
            model: unit.model.clone(),
            release: unit.release().clone(),
            virtual_machine: unit.virtual_machine,
            at: NOW,
        };
        Twins::default().load(&of, text).expect("a modelled unit")
    }

    fn text_of(unit: &mut Unit) -> String {
        let (mut shell, _) = unit.open("admin", Channel::Exec, NOW);
        unit.step(&mut shell, "show running-config", NOW).text
    }

    fn body(text: &str) -> Vec<&str> {
        let own = |line: &&str| !line.starts_with("license ") && !line.starts_with('#') && line.len() != 64;
        let mut lines: Vec<&str> = text.lines().filter(own).collect();
        lines.sort_unstable();
        lines
    }

    #[test]
    fn every_generated_configuration_is_taken_by_another_chassis_but_for_its_licences() {
        for spec in generated(40) {
            let mut unit = Unit::build(&spec, SpecDefaults { configuration_bytes: 6_000 });
            unit.change("snmp-server location \"server room, 3F\"", NOW).expect("a change");
            unit.change("banner login keep out, all of you", NOW).expect("a change");
            unit.change("no ip name-server 10.1.10.2", NOW).expect("a change");
            let text = text_of(&mut unit);
            let loaded = twin_of(&unit, &text);
            let licences = text.lines().filter(|line| line.starts_with("license ")).count();
            assert!(
                loaded.not_taken.iter().all(|one| one.said.contains("License")),
                "{}: {:?}",
                spec.seat,
                loaded.not_taken
            );
            assert_eq!(loaded.not_taken.len(), licences, "{}", spec.seat);
            assert_eq!(body(&text).join("\n"), body(&loaded.printed).join("\n"), "{}", spec.seat);
            for secret in unit.secrets().iter().filter(|secret| secret.starts_with("LK2") || secret.len() == 64) {
                assert!(
                    !loaded.printed.contains(secret),
                    "{}: what belongs to the chassis is the twin's own",
                    spec.seat
                );
            }
        }
    }

    #[test]
    fn what_the_command_line_does_not_know_is_refused_in_its_words() {
        let spec = generated(40).into_iter().find(|spec| spec.series == Series::Nx).expect("one");
        let mut unit = Unit::build(&spec, SpecDefaults { configuration_bytes: 4_000 });
        let text = text_of(&mut unit);
        let refused = |line: &str| {
            let loaded = twin_of(&unit, &format!("{text}{line}\n"));
            let own = |one: &&NotTaken| !one.said.contains("License");
            loaded.not_taken.iter().find(own).map(|one| (one.line - text.lines().count(), one.said.clone()))
        };
        for (line, said) in [
            ("frobnicate all", "% Unrecognized command \"frobnicate\"."),
            ("ntp servfr 10.0.0.1", "% Unrecognized command \"servfr\"."),
            ("ntp server 10.0.0.1 versoin 4", "% Unrecognized command \"versoin\"."),
            ("ntp server 10.0.0.1 version four", "% Invalid value \"four\"."),
            ("ip name-server 10.0.0.256", "% Invalid value \"10.0.0.256\"."),
            ("hostname", "% Incomplete command."),
            ("hostname a b", "% Unrecognized command \"b\"."),
            ("email-analysis mta max-queue-lifetime 5", "% Unrecognized command \"email-analysis\"."),
            ("hostname n\u{fffd}x", "% Invalid character."),
            ("banner login \"never ends", "% Unterminated quoted value."),
            ("ssh server host-key rsa2 private-key \"\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n\"", "% Invalid value"),
        ] {
            let (place, found) = refused(line).unwrap_or_else(|| panic!("{line} was taken"));
            assert!(place == 0 && found.starts_with(said), "{line}: {place} {found}");
        }
        for line in
            ["no ntp server 10.0.0.9", "no wsapi enable", "banner motd \"a\nb \\\"c\\\"\"", "# remark", "  ntp enable"]
        {
            assert_eq!(refused(line), None, "{line}");
        }
        let printed = twin_of(&unit, &format!("{text}no wsapi enable\nbanner motd \"a\nb \\\"c\\\"\"\n")).printed;
        assert!(printed.contains("\nno wsapi enable\n") && printed.contains("\nbanner motd \"a\nb \\\"c\\\"\"\n"));
        assert!(!printed.contains("no ntp"));
    }

    #[test]
    fn a_series_and_release_without_a_model_has_no_twin() {
        let of = |release: &str| TwinOf {
            series: Series::Nx,
            model: "NX2500".to_owned(),
            release: release.parse().expect("a release"),
            virtual_machine: false,
            at: NOW,
        };
        assert!(Twins::default().load(&of("10.0.4.1005222"), "").is_ok());
        for release in ["6.4.0.1", "12.0"] {
            let error = Twins::default().load(&of(release), "").expect_err("none");
            assert_eq!(error.to_string(), format!("nx {release}: no unit of that release is modelled"));
        }
    }
}
