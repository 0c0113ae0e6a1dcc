//! Networks in CIDR notation (RFC 4632, RFC 4291): where other nodes may be.
//!
//! Deliberately absent: host names. Who may be spoken to is not left to a resolver.

use std::fmt;
use std::net::IpAddr;

use config::Value;

use super::reader::Reader;
use super::value::{self, Setting};

/// All addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads `address/bits`, or an address by itself.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("must be networks such as \"10.0.0.0/8\" or \"fd00::/8\", not {text:?}");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            // A sign or a leading zero is read differently elsewhere.
            Some(bits) if bits.len() > 1 && !bits.starts_with(|c| matches!(c, '1'..='9')) => return Err(wrong()),
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= most).ok_or_else(wrong)?,
            None => most,
        };
        let network = Self { address, bits };
        if network.first() == number(address).0 {
            return Ok(network);
        }
        Err(format!("{text:?} has bits beyond the first {bits}: perhaps one address was meant, without \"/{bits}\""))
    }

    /// Whether an address is in it. An IPv4 address in IPv6's clothes is the IPv4 address.
    pub fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let ((_, mine), (_, its)) = (number(self.address), number(address));
        mine == its && Self { address, bits: self.bits }.first() == self.first()
    }

    /// The first address, as a number.
    fn first(&self) -> u128 {
        let (number, width) = number(self.address);
        let rest = width - u32::from(self.bits);
        // All bits are the rest: a shift by the whole width is none.
        number.checked_shr(rest).and_then(|kept| kept.checked_shl(rest)).unwrap_or(0)
    }
}

fn number(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl Setting for Vec<Network> {
    const KIND: &'static str = "a list of networks, such as [\"10.0.0.0/8\"]";

    fn read(reader: &mut Reader, key: &str, value: Value) -> Option<Self> {
        value::words(reader, key, Self::KIND, &value, Network::parse)
    }

    fn show(&self) -> String {
        format!("{:?}", self.iter().map(ToString::to_string).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(network: &str, address: &str) -> bool {
        Network::parse(network).expect("a network").has(address.parse().expect("an address"))
    }

    #[test]
    fn a_network_has_its_addresses_and_no_others() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("172.16.0.0/12", "172.31.255.255", "172.32.0.0"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("0.0.0.0/0", "8.8.8.8", "::1"),
            ("::/0", "2001:db8::1", "8.8.8.8"),
            ("fc00::/7", "fdff::1", "fe00::1"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"),
        ] {
            assert!(has(network, inside), "{network} {inside}");
            assert!(!has(network, outside), "{network} {outside}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/08", "::/129", "host/8"] {
            assert!(Network::parse(text).is_err_and(|error| error.contains("10.0.0.0/8")), "{text}");
        }
        assert!(Network::parse("10.1.2.3/8").is_err_and(|error| error.contains("beyond the first 8")));
    }
}
