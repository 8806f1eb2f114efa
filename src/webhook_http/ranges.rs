//! Which addresses a webhook may be sent to. The ranges are data; the rule is one look-up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use std::sync::LazyLock;

/// What kind of place an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The internet.
    Public,
    /// This machine.
    Loopback,
    /// A network of one's own.
    Private,
    /// Never a webhook's address: link-local (cloud metadata lives there), multicast, reserved, unspecified.
    Never,
}

/// Special-purpose ranges of the IANA registries (RFC 6890 and its updates), the first match counts.
const RANGES: [(&str, Place); 38] = [
    ("127.0.0.0/8", Place::Loopback),
    ("::1/128", Place::Loopback),
    // Metadata services outside of the link-local range: Alibaba, Oracle's old one, AWS over IPv6.
    ("100.100.100.200/32", Place::Never),
    ("192.0.0.192/32", Place::Never),
    ("fd00:ec2::/32", Place::Never),
    ("10.0.0.0/8", Place::Private),
    ("172.16.0.0/12", Place::Private),
    ("192.168.0.0/16", Place::Private),
    ("100.64.0.0/10", Place::Private),
    ("fc00::/7", Place::Private),
    ("0.0.0.0/8", Place::Never),
    ("169.254.0.0/16", Place::Never),
    ("192.0.0.0/24", Place::Never),
    ("192.0.2.0/24", Place::Never),
    ("192.31.196.0/24", Place::Never),
    ("192.52.193.0/24", Place::Never),
    ("192.88.99.0/24", Place::Never),
    ("192.175.48.0/24", Place::Never),
    ("198.18.0.0/15", Place::Never),
    ("198.51.100.0/24", Place::Never),
    ("203.0.113.0/24", Place::Never),
    ("224.0.0.0/4", Place::Never),
    ("240.0.0.0/4", Place::Never),
    ("::/128", Place::Never),
    ("64:ff9b:1::/48", Place::Never),
    ("100::/64", Place::Never),
    ("100:0:0:1::/64", Place::Never),
    ("2001:2::/48", Place::Never),
    ("2001:10::/28", Place::Never),
    ("2001:20::/28", Place::Never),
    ("2001:db8::/32", Place::Never),
    ("2001::/32", Place::Never),
    ("3fff::/20", Place::Never),
    ("5f00::/16", Place::Never),
    ("fe80::/10", Place::Never),
    ("fec0::/10", Place::Never),
    ("ff00::/8", Place::Never),
    ("::/96", Place::Never),
];

static NETS: LazyLock<Vec<(IpNet, Place)>> = LazyLock::new(|| {
    let parsed = RANGES.iter().map(|(range, place)| (range.parse().expect("the table holds ranges"), *place));
    parsed.collect()
});

/// What kind of place an address is. An IPv4 address inside an IPv6 one (mapped, NAT64, 6to4) counts as itself.
#[must_use]
pub fn place(address: IpAddr) -> Place {
    let address = match address.to_canonical() {
        IpAddr::V6(v6) => embedded(v6).map_or(IpAddr::V6(v6), IpAddr::V4),
        v4 @ IpAddr::V4(_) => v4,
    };
    NETS.iter().find(|(range, _)| range.contains(&address)).map_or(Place::Public, |(_, place)| *place)
}

fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = address.octets();
    let four = |from: usize| Ipv4Addr::new(octets[from], octets[from + 1], octets[from + 2], octets[from + 3]);
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(four(12)),
        [0x2002, ..] => Some(four(2)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_has_its_place() {
        for (text, expected) in [
            ("8.8.8.8", Place::Public),
            ("2606:4700::1111", Place::Public),
            ("127.0.0.1", Place::Loopback),
            ("127.255.0.3", Place::Loopback),
            ("::1", Place::Loopback),
            ("::ffff:127.0.0.1", Place::Loopback),
            ("64:ff9b::7f00:1", Place::Loopback),
            ("2002:7f00:1::", Place::Loopback),
            ("10.1.2.3", Place::Private),
            ("172.31.0.1", Place::Private),
            ("172.32.0.1", Place::Public),
            ("192.168.1.1", Place::Private),
            ("100.64.0.1", Place::Private),
            ("fd12::1", Place::Private),
            ("169.254.169.254", Place::Never),
            ("::ffff:169.254.169.254", Place::Never),
            ("64:ff9b::a9fe:a9fe", Place::Never),
            ("fd00:ec2::254", Place::Never),
            ("100.100.100.200", Place::Never),
            ("fe80::1", Place::Never),
            ("0.0.0.0", Place::Never),
            ("::", Place::Never),
            ("224.0.0.1", Place::Never),
            ("255.255.255.255", Place::Never),
            ("::127.0.0.1", Place::Never),
            ("2001::1", Place::Never),
        ] {
            assert_eq!(place(text.parse().unwrap()), expected, "{text}");
        }
    }
}
