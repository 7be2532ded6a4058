//! A transport address as the relay sees it: which of its sockets, and who is at the other end.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::ice::Transport;

/// Locals from here on are TCP connections, below it are UDP sockets.
pub const FIRST_TCP_LOCAL: u32 = 1 << 16;

/// A remote address on one of the relay's sockets: the key by which a leg is found.
///
/// IPv4 is kept in its mapped form, so that hashing and comparing is that of three integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remote {
    ip: u128,
    port: u16,
    local: u32,
}

impl Remote {
    /// `local` numbers the socket: a UDP socket's place in the configuration, or a TCP connection
    /// counted from [`FIRST_TCP_LOCAL`].
    #[must_use]
    pub fn new(local: u32, address: SocketAddr) -> Self {
        let ip = match address.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        Self { ip, port: address.port(), local }
    }

    /// From the octets of a socket address, without a detour through [`SocketAddr`].
    #[must_use]
    pub fn from_bits(local: u32, ip: u128, port: u16) -> Self {
        Self { ip, port, local }
    }

    /// The socket this address is reached from.
    #[must_use]
    pub fn local(&self) -> u32 {
        self.local
    }

    /// Whether this is a TCP connection or an address on a UDP socket.
    #[must_use]
    pub fn transport(&self) -> Transport {
        if self.local >= FIRST_TCP_LOCAL { Transport::Tcp } else { Transport::Udp }
    }

    /// The address, IPv4 as IPv4.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        let ip = Ipv6Addr::from_bits(self.ip);
        SocketAddr::new(ip.to_canonical(), self.port)
    }

    /// The network the address is in, as far as rate limits go: /24 of IPv4, /56 of IPv6.
    #[must_use]
    pub fn prefix(&self) -> u128 {
        let mapped = Ipv6Addr::from_bits(self.ip).to_ipv4_mapped().is_some();
        let host_bits = if mapped { 8 } else { 72 };
        self.ip >> host_bits << host_bits
    }
}

impl Remote {
    /// A few bits that differ from address to address, for tables that live as long as a batch.
    #[must_use]
    pub fn spread(&self) -> usize {
        let low = self.ip as u64 ^ u64::from(self.port) << 32 ^ u64::from(self.local);
        (low.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize
    }
}

impl Hash for Remote {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64((self.ip >> 64) as u64);
        state.write_u64(self.ip as u64);
        state.write_u64(u64::from(self.local) << 16 | u64::from(self.port));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back_as_they_went_in() {
        for text in ["192.0.2.1:4000", "[2001:db8::1]:5"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(Remote::new(0, address).address(), address);
        }
    }

    #[test]
    fn prefixes_are_24_and_56_bits() {
        let prefix = |text: &str| Remote::new(0, text.parse().unwrap()).prefix();
        assert_eq!(prefix("192.0.2.1:1"), prefix("192.0.2.254:2"));
        assert_ne!(prefix("192.0.2.1:1"), prefix("192.0.3.1:1"));
        assert_eq!(prefix("[2001:db8:1:10::1]:1"), prefix("[2001:db8:1:1f::9]:1"));
        assert_ne!(prefix("[2001:db8:1:100::1]:1"), prefix("[2001:db8:1:200::1]:1"));
    }
}
