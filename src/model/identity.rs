//! Is the box at the other end the one that the seat holds? (invariant 1)

use super::limits::IDENTITY_CHARS_MAX;
use super::outside::Outside;
use super::series::Series;

/// What an appliance says of itself (`show version`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// `Product name:` without the licence mark.
    pub product: Option<Outside>,
    /// `Product model:`.
    pub model: Option<Outside>,
    /// `System serial num:`.
    pub serial: Option<Outside>,
    /// `Appliance ID:`.
    pub appliance_id: Option<Outside>,
    /// The number at the end of `Product release:`.
    pub release: Option<Outside>,
}

/// What the inventory and the store know of the seat's hardware. What is `None` was never seen and proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The seat's series.
    pub series: Series,
    /// The serial of the tenure, or asserted by the inventory when there is no tenure yet.
    pub serial: Option<Outside>,
    /// The product of the tenure.
    pub product: Option<Outside>,
    /// The model of the tenure.
    pub model: Option<Outside>,
}

/// That a live session has shown the expected identity. Only [`prove`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof(());

/// Why an identity is not proved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The appliance did not say what was asked for.
    #[error("the appliance did not state its {0}")]
    Unstated(&'static str),
    /// What it said has not the form of such a value: it was damaged on the way.
    #[error("its {what} arrived damaged: {found:?}")]
    Damaged {
        /// Serial, product, model or appliance ID.
        what: &'static str,
        /// As it arrived.
        found: Outside,
    },
    /// It says that it is another one. One such reading may still be damage: see [`is_another`].
    #[error("expected {what} {expected:?}, found {found:?}")]
    Wrong {
        /// Serial, product, model or series.
        what: &'static str,
        /// As known.
        expected: Outside,
        /// As the appliance says.
        found: Outside,
    },
}

/// Whether a value has the form of one that an appliance states of itself: printable ASCII, and no long text. No more can
/// be asked: the model of a virtual machine has blanks and brackets.
fn readable(what: &'static str, value: &Outside) -> Result<(), IdentityError> {
    let text = value.as_data();
    if text.len() <= IDENTITY_CHARS_MAX && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(IdentityError::Damaged { what, found: value.clone() })
    }
}

fn stated<'a>(what: &'static str, value: Option<&'a Outside>) -> Result<&'a Outside, IdentityError> {
    let value = value.ok_or(IdentityError::Unstated(what))?;
    readable(what, value).map(|()| value)
}

/// Compares what the session showed with what is known of the seat's current tenure. Nothing is compared before all
/// of it is readable: damage is no difference, and never becomes what is known of the hardware.
pub fn prove(expected: &Expected, seen: &Seen) -> Result<Proof, IdentityError> {
    let product = stated("product", seen.product.as_ref())?;
    let serial = stated("serial", seen.serial.as_ref())?;
    let model = stated("model", seen.model.as_ref())?;
    seen.appliance_id.as_ref().map_or(Ok(()), |id| readable("appliance ID", id))?;
    if Series::from_product(product.as_data()) != Some(expected.series) {
        return Err(IdentityError::Wrong {
            what: "series",
            expected: Outside::from(expected.series.as_str()),
            found: product.clone(),
        });
    }
    for (what, known, found) in [
        ("serial", &expected.serial, serial),
        ("product", &expected.product, product),
        ("model", &expected.model, model),
    ] {
        match known {
            Some(known) if known != found => {
                return Err(IdentityError::Wrong { what, expected: known.clone(), found: found.clone() });
            }
            _ => {}
        }
    }
    Ok(Proof(()))
}

/// Whether two readings of one session show another appliance: both are readable, equal, and not what is expected.
/// Anything less is not understood, and what is not understood is no failure (invariant 5).
pub fn is_another(expected: &Expected, first: &Seen, second: &Seen) -> bool {
    first == second && matches!(prove(expected, first), Err(IdentityError::Wrong { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Seen {
        Seen {
            product: Some("Web MPS".into()),
            model: Some("FireEyeNX2500".into()),
            serial: Some("FZ2211QA001".into()),
            appliance_id: None,
            release: Some("9.1.0.924861".into()),
        }
    }

    fn expected() -> Expected {
        Expected {
            series: Series::Nx,
            serial: Some("FZ2211QA001".into()),
            product: Some("Web MPS".into()),
            model: Some("FireEyeNX2500".into()),
        }
    }

    #[test]
    fn the_same_identity_is_proved() {
        assert!(prove(&expected(), &seen()).is_ok());
    }

    #[test]
    fn each_difference_and_each_silence_refuses() {
        let spoil: [fn(&mut Seen); 6] = [
            |seen| seen.serial = Some("FZ2211QA002".into()),
            |seen| seen.model = Some("FireEyeNX4500".into()),
            |seen| seen.product = Some("eMPS".into()),
            |seen| seen.serial = None,
            |seen| seen.model = None,
            |seen| seen.product = None,
        ];
        for change in spoil {
            let mut other = seen();
            change(&mut other);
            assert!(prove(&expected(), &other).is_err(), "{other:?}");
        }
    }

    #[test]
    fn damage_is_neither_a_proof_nor_another_appliance_whatever_was_known() {
        let nothing_known = Expected { serial: None, product: None, model: None, ..expected() };
        for damaged in ["FZ2211QA\u{fffd}01", "FZ2211\u{8}QA001", "FZ2211QA００１"] {
            let spoil: [fn(&mut Seen, &str); 4] = [
                |seen, text| seen.serial = Some(text.into()),
                |seen, text| seen.model = Some(text.into()),
                |seen, text| seen.product = Some(text.into()),
                |seen, text| seen.appliance_id = Some(text.into()),
            ];
            for change in spoil {
                let mut other = seen();
                change(&mut other, damaged);
                for known in [&expected(), &nothing_known] {
                    assert!(matches!(prove(known, &other), Err(IdentityError::Damaged { .. })), "{other:?}");
                    assert!(!is_another(known, &other, &other), "{other:?}");
                }
            }
        }
        for (chars, holds) in [(64, true), (65, false)] {
            let long = Seen { serial: Some("A".repeat(chars).into()), ..seen() };
            assert_eq!(prove(&nothing_known, &long).is_ok(), holds, "{chars}");
            assert!(!is_another(&nothing_known, &long, &long), "{chars}");
        }
        let virtual_machine = Seen { model: Some("NX1500V (virtual system on vmware)".into()), ..seen() };
        assert!(prove(&nothing_known, &virtual_machine).is_ok());
    }

    #[test]
    fn another_appliance_says_the_same_twice() {
        let other = Seen { serial: Some("FZ2211QA002".into()), ..seen() };
        assert!(is_another(&expected(), &other, &other));
        let third = Seen { serial: Some("FZ2211QA003".into()), ..seen() };
        let silent = Seen { serial: None, ..seen() };
        for (first, second) in [(&other, &third), (&other, &silent), (&silent, &other), (&silent, &silent)] {
            assert!(!is_another(&expected(), first, second), "{first:?} {second:?}");
        }
        // Another serial beside a damaged model is one damaged reading, not two that agree.
        let half = Seen { model: Some("FireEyeNX\u{fffd}500".into()), ..other };
        assert!(!is_another(&expected(), &half, &half));
    }
}
