//! What an answer must say: which tenant's origin gave it, for which host and target. Origin and generator
//! both derive the whole body from these three, so that one wrong byte is noticed.

use std::net::Ipv4Addr;

/// One tenant of the drill: a zone and an origin address that no other zone has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tenant {
    /// Its number, which is in its origin's address.
    pub(crate) number: u16,
    /// The zone's name and its one host.
    pub(crate) host: String,
}

impl Tenant {
    /// The tenant of this number.
    pub(crate) fn new(number: u16) -> Self {
        Self { number, host: format!("z{number:04}.example") }
    }

    /// Where its origin is: all of 127.0.0.0/8 leads to the same socket, which tells tenants apart by it.
    pub(crate) fn address(&self) -> Ipv4Addr {
        let [high, low] = self.number.to_be_bytes();
        Ipv4Addr::new(127, 1, high, low)
    }

    /// The tenant whose origin was connected to.
    pub(crate) fn of(address: Ipv4Addr) -> Option<u16> {
        match address.octets() {
            [127, 1, high, low] => Some(u16::from_be_bytes([high, low])),
            _ => None,
        }
    }
}

/// The lines that a target asks for: `/40?id=7` is forty.
pub(crate) fn lines(target: &str) -> usize {
    let path = target.split('?').next().unwrap_or_default();
    path.trim_start_matches('/').parse().unwrap_or(1).clamp(1, 4096)
}

/// One line of a body.
pub(crate) fn line(tenant: u16, host: &str, target: &str) -> String {
    format!("tenant={tenant} host={host} target={target}\n")
}

/// A whole body.
pub(crate) fn body(tenant: u16, host: &str, target: &str) -> String {
    line(tenant, host, target).repeat(lines(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_known_by_its_origin() {
        for number in [0, 1, 255, 256, 999, u16::MAX] {
            assert_eq!(Tenant::of(Tenant::new(number).address()), Some(number));
        }
        assert_eq!(Tenant::of(Ipv4Addr::LOCALHOST), None);
    }

    #[test]
    fn a_target_says_how_long_its_answer_is() {
        assert_eq!((lines("/40?id=1"), lines("/"), lines("/x"), lines("/0")), (40, 1, 1, 1));
        assert_eq!(body(1, "a", "/2"), "tenant=1 host=a target=/2\n".repeat(2));
    }
}
