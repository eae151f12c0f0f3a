//! The address at which others reach an instance.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// An address of the documentation's range: on the way there lies the interface that leads out of this machine.
const OUTSIDE: (Ipv4Addr, u16) = (Ipv4Addr::new(198, 51, 100, 1), 9);

/// Where others reach what listens on `listen`: at `advertise`, or at the address itself, or, when it listens on every
/// interface, at the IPv4 address of this machine that leads outside.
pub(super) fn reachable(listen: SocketAddr, advertise: Option<IpAddr>) -> SocketAddr {
    let ip = match advertise {
        Some(ip) => ip,
        None if listen.ip().is_unspecified() => IpAddr::V4(own().unwrap_or(Ipv4Addr::LOCALHOST)),
        None => listen.ip(),
    };
    SocketAddr::new(ip, listen.port())
}

/// Connecting a UDP socket sends nothing; it only chooses an interface.
fn own() -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(OUTSIDE).ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V4(ip) if !ip.is_unspecified() => Some(ip),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_everywhere_is_found_at_an_address_of_this_machine() {
        let everywhere = "0.0.0.0:8101".parse().unwrap();
        let found = reachable(everywhere, None);
        assert!(!found.ip().is_unspecified() && found.port() == 8101, "{found}");
        assert_eq!(reachable(everywhere, "10.1.2.3".parse().ok()), "10.1.2.3:8101".parse().unwrap());
        let local = "127.0.0.1:8101".parse().unwrap();
        assert_eq!(reachable(local, None), local);
    }
}
