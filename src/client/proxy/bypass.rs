//! The hosts that are reached without a proxy: what `no_proxy` lists.

use alloc::{string::String, vec::Vec};
use core::net::{IpAddr, Ipv6Addr};

use crate::handshake::Uri;

/// A list of hosts.
#[derive(Clone, Debug, Default)]
pub(super) struct Bypass {
    entries: Vec<Entry>,
}

/// Hosts, on one port or on all.
#[derive(Clone, Debug)]
struct Entry {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Clone, Debug)]
enum Hosts {
    Address(IpAddr),
    All,
    /// A name in lower case, and all names that end with a dot and it.
    Domain(String),
    /// The addresses whose first bits are those of this one.
    Network(u128, Family, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

impl Bypass {
    /// Adds the entries of a list. What is no entry matches nothing.
    pub(super) fn add(&mut self, list: &str) {
        let entries = list.split([',', ' ', '\t', '\r', '\n']);
        self.entries.extend(entries.filter_map(Entry::parse));
    }

    /// Returns whether the host of `uri` is in the list.
    pub(super) fn contains(&self, uri: &Uri) -> bool {
        let (host, port) = uri.host_and_port();
        let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let address = name.parse().ok();
        self.entries.iter().any(|entry| {
            entry.port.is_none_or(|only| only == port) && entry.hosts.contain(&name, address)
        })
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        // The colons of an IPv6 address are not in front of a port, unless it is in brackets.
        if let Some(hosts) = Hosts::parse(text) {
            return Some(Self { hosts, port: None });
        }
        let (host, port) = text.rsplit_once(':')?;
        let digits = Some(port).filter(|port| port.bytes().all(|octet| octet.is_ascii_digit()))?;
        Some(Self { hosts: Hosts::parse(host)?, port: Some(digits.parse().ok()?) })
    }
}

impl Hosts {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        if let Some((network, bits)) = text.split_once('/') {
            return Self::network(network, bits);
        }
        if let Some(address) = address(text) {
            return Some(Self::Address(address.to_canonical()));
        }
        let name = text.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(text);
        let name = name.trim_matches('.');
        let is_name = !name.is_empty() && !name.contains([':', '[', ']', '*']);
        is_name.then(|| Self::Domain(name.to_ascii_lowercase()))
    }

    fn network(text: &str, bits: &str) -> Option<Self> {
        // Brackets may be around the address or around the whole.
        let inner = text.strip_prefix('[').zip(bits.strip_suffix(']'));
        let (text, bits) = inner.unwrap_or((text, bits));
        if bits.is_empty() || !bits.bytes().all(|octet| octet.is_ascii_digit()) {
            return None;
        }
        let (address, family) = number(address(text)?);
        let bits = bits.parse().ok()?;
        (bits <= family.bits()).then_some(Self::Network(address, family, bits))
    }

    fn contain(&self, name: &str, address: Option<IpAddr>) -> bool {
        match (self, address) {
            (Self::All, _) => true,
            (Self::Address(one), Some(address)) => *one == address.to_canonical(),
            (Self::Network(network, family, bits), Some(address)) => {
                // An IPv4 address may be written as one of IPv6.
                [address, address.to_canonical()].into_iter().any(|address| {
                    let (address, of) = number(address);
                    let shift = family.bits().saturating_sub(*bits);
                    // All bits of an `u128` may be shifted out.
                    let differ = (address ^ network).checked_shr(shift).unwrap_or(0);
                    of == *family && differ == 0
                })
            }
            (Self::Domain(domain), None) => name
                .strip_suffix(domain.as_str())
                .is_some_and(|front| front.is_empty() || front.ends_with('.')),
            (Self::Address(_) | Self::Domain(_) | Self::Network(..), _) => false,
        }
    }
}

impl Family {
    const fn bits(self) -> u32 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

/// Reads an address; one of IPv6 may be in brackets.
fn address(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[') {
        Some(literal) => literal.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

/// Returns the bits of an address, those of the network in front.
fn number(address: IpAddr) -> (u128, Family) {
    match address {
        IpAddr::V4(address) => (address.to_bits().into(), Family::V4),
        IpAddr::V6(address) => (address.to_bits(), Family::V6),
    }
}
