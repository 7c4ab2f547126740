//! Where one logs in: the appliance of a seat, or a hop of a way in; and the name of a way in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::inventory::Hop;
use super::name::{CustomerName, GatewayName, SeatName};

/// The longest place of a hop in a name, in characters: a host name of 253 and a port.
const PLACE_LENGTH_MAX: usize = 260;

/// A text that is no name of a hop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name of a hop: customer/gateway/host:port is expected, as in acme/office/192.0.2.7:22")]
pub struct HopNameError(pub String);

/// A hop of a gateway that has a host key and an account of its own. Its place is as the inventory declares it: behind
/// another gateway the same address is another machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct HopName {
    customer: CustomerName,
    gateway: GatewayName,
    place: String,
}

impl HopName {
    /// The name of a hop of a gateway.
    pub fn new(customer: &CustomerName, gateway: &GatewayName, hop: &Hop) -> Self {
        Self { customer: customer.clone(), gateway: gateway.clone(), place: hop.place() }
    }

    /// The customer, to whom the gateway belongs.
    pub const fn customer(&self) -> &CustomerName {
        &self.customer
    }

    /// The gateway.
    pub const fn gateway(&self) -> &GatewayName {
        &self.gateway
    }

    /// Its host and port, as the inventory declares them.
    pub fn place(&self) -> &str {
        &self.place
    }
}

impl FromStr for HopName {
    type Err = HopNameError;
    fn from_str(text: &str) -> Result<Self, HopNameError> {
        let error = || HopNameError(text.chars().take(80).collect());
        let mut parts = text.splitn(3, '/');
        let (Some(customer), Some(gateway), Some(place)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(error());
        };
        let is_place = (1..=PLACE_LENGTH_MAX).contains(&place.len()) && place.chars().all(|c| c.is_ascii_graphic());
        let (Ok(customer), Ok(gateway), true) = (customer.parse(), gateway.parse(), is_place) else {
            return Err(error());
        };
        Ok(Self { customer, gateway, place: place.to_owned() })
    }
}

impl fmt::Display for HopName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}/{}", self.customer, self.gateway, self.place))
    }
}

impl TryFrom<String> for HopName {
    type Error = HopNameError;
    fn try_from(text: String) -> Result<Self, HopNameError> {
        text.parse()
    }
}

impl From<HopName> for String {
    fn from(name: HopName) -> Self {
        name.to_string()
    }
}

/// A text that is no name of a way in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name of a gateway: customer/gateway is expected, as in acme/office")]
pub struct WayNameError(pub String);

/// A gateway with its customer, `customer/gateway`: the name of a way in, unique in the whole inventory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct WayName {
    /// The customer.
    pub customer: CustomerName,
    /// The gateway.
    pub gateway: GatewayName,
}

impl WayName {
    /// The way in of a gateway.
    pub fn new(customer: &CustomerName, gateway: &GatewayName) -> Self {
        Self { customer: customer.clone(), gateway: gateway.clone() }
    }
}

impl FromStr for WayName {
    type Err = WayNameError;
    fn from_str(text: &str) -> Result<Self, WayNameError> {
        let error = || WayNameError(text.chars().take(80).collect());
        let (customer, gateway) = text.split_once('/').ok_or_else(error)?;
        let (Ok(customer), Ok(gateway)) = (customer.parse(), gateway.parse()) else { return Err(error()) };
        Ok(Self { customer, gateway })
    }
}

impl fmt::Display for WayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.customer, self.gateway))
    }
}

impl TryFrom<String> for WayName {
    type Error = WayNameError;
    fn try_from(text: String) -> Result<Self, WayNameError> {
        text.parse()
    }
}

impl From<WayName> for String {
    fn from(name: WayName) -> Self {
        name.to_string()
    }
}

/// A text that is neither the name of a seat nor that of a hop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a seat (acme-nx01) nor a hop (acme/office/192.0.2.7:22)")]
pub struct DoorError(pub String);

/// Where one logs in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// The appliance in a seat.
    Seat(SeatName),
    /// A hop of a way in.
    Hop(HopName),
}

impl FromStr for Door {
    type Err = DoorError;
    fn from_str(text: &str) -> Result<Self, DoorError> {
        let error = || DoorError(text.chars().take(80).collect());
        if text.contains('/') {
            text.parse().map(Self::Hop).map_err(|_| error())
        } else {
            text.parse().map(Self::Seat).map_err(|_| error())
        }
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seat(seat) => seat.fmt(f),
            Self::Hop(hop) => hop.fmt(f),
        }
    }
}

impl From<&SeatName> for Door {
    fn from(seat: &SeatName) -> Self {
        Self::Seat(seat.clone())
    }
}

impl From<&HopName> for Door {
    fn from(hop: &HopName) -> Self {
        Self::Hop(hop.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inventory::HopKind;

    #[test]
    fn a_hop_is_named_by_its_gateway_and_its_place() {
        let (customer, gateway) = ("umi".parse().expect("a name"), "yard".parse().expect("a name"));
        for (host, port, text) in [
            ("172.16.40.2", Some(22), "umi/yard/172.16.40.2:22"),
            ("bastion.umi.example", None, "umi/yard/bastion.umi.example:22"),
            ("2001:db8::7", Some(2222), "umi/yard/[2001:db8::7]:2222"),
        ] {
            let hop = Hop { port, ..Hop::new(HopKind::SshForward, host) };
            let name = HopName::new(&customer, &gateway, &hop);
            assert_eq!(name.to_string(), text);
            assert_eq!(text.parse(), Ok(name.clone()));
            assert_eq!(text.parse(), Ok(Door::Hop(name)));
        }
    }

    #[test]
    fn a_way_in_is_named_by_customer_and_gateway() {
        let name: WayName = "umi/yard".parse().expect("a name");
        assert_eq!(name, WayName::new(&"umi".parse().expect("a name"), &"yard".parse().expect("a name")));
        assert_eq!(name.to_string(), "umi/yard");
        for text in ["", "umi", "umi/", "umi/yard/x", "UMI/yard"] {
            assert!(text.parse::<WayName>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_door_is_refused() {
        for text in ["", "/", "umi/yard", "umi/yard/", "UMI/yard/a:22", "umi/ya rd/a:22", "umi/yard/a b:22", "Seat"] {
            assert!(text.parse::<Door>().is_err(), "{text}");
        }
        assert!(matches!("acme-nx01".parse(), Ok(Door::Seat(_))));
    }
}
