//! Is the box at the other end the one that the seat holds? (invariant 1)

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
    /// The appliance is another one.
    #[error("wrong appliance: expected {what} {expected:?}, found {found:?}")]
    Wrong {
        /// Serial, product, model or series.
        what: &'static str,
        /// As known.
        expected: Outside,
        /// As the appliance says.
        found: Outside,
    },
}

/// Compares what the session showed with what is known of the seat's current tenure.
pub fn prove(expected: &Expected, seen: &Seen) -> Result<Proof, IdentityError> {
    let product = seen.product.as_ref().ok_or(IdentityError::Unstated("product"))?;
    if Series::from_product(product.as_data()) != Some(expected.series) {
        return Err(IdentityError::Wrong {
            what: "series",
            expected: Outside::from(expected.series.as_str()),
            found: product.clone(),
        });
    }
    for (what, known, found) in [
        ("serial", &expected.serial, &seen.serial),
        ("product", &expected.product, &seen.product),
        ("model", &expected.model, &seen.model),
    ] {
        let found = found.as_ref().ok_or(IdentityError::Unstated(what))?;
        match known {
            Some(known) if known != found => {
                return Err(IdentityError::Wrong { what, expected: known.clone(), found: found.clone() });
            }
            _ => {}
        }
    }
    Ok(Proof(()))
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
}
