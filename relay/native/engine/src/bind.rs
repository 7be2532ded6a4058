//! Sockets for each worker on each announced address, all on one port.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// How often a free port is looked for that is free on all addresses.
const PORT_TRIES: usize = 32;

/// An address could not be bound.
#[derive(Debug)]
pub struct BindFailed {
    /// Which one.
    pub address: SocketAddr,
    /// Why.
    pub error: io::Error,
}

/// For each worker a socket on each of `addresses`, in their order. Port 0 takes one that is free on
/// all of them.
pub fn bind_all(
    addresses: &[IpAddr],
    port: u16,
    workers: usize,
    buffer_bytes: usize,
) -> Result<Vec<Vec<UdpSocket>>, BindFailed> {
    let mut tries = if port == 0 { PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        match bind_first(addresses, port, buffer_bytes) {
            // The free port of the first address may be taken on another.
            Err(failed) if failed.error.kind() == ErrorKind::AddrInUse && tries > 0 => {}
            Err(failed) => return Err(failed),
            Ok(first) => return share(first, workers, buffer_bytes),
        }
    }
}

/// One socket for each address, bound alone: two relays on one port would take each other's packets.
fn bind_first(addresses: &[IpAddr], port: u16, buffer_bytes: usize) -> Result<Vec<UdpSocket>, BindFailed> {
    let mut port = port;
    let mut sockets = Vec::with_capacity(addresses.len());
    for &address in addresses {
        let address = SocketAddr::new(address, port);
        let socket = bind(address, buffer_bytes, false).map_err(|error| BindFailed { address, error })?;
        port = socket.local_addr().map_err(|error| BindFailed { address, error })?.port();
        sockets.push(socket);
    }
    Ok(sockets)
}

/// Lets further sockets join the first on each address, one for each other worker.
fn share(
    first: Vec<UdpSocket>,
    workers: usize,
    buffer_bytes: usize,
) -> Result<Vec<Vec<UdpSocket>>, BindFailed> {
    let mut addresses = Vec::with_capacity(first.len());
    for socket in &first {
        let address = socket
            .local_addr()
            .map_err(|error| BindFailed { address: SocketAddr::from(([0, 0, 0, 0], 0)), error })?;
        if workers > 1 {
            socket2::SockRef::from(socket)
                .set_reuse_port(true)
                .map_err(|error| BindFailed { address, error })?;
        }
        addresses.push(address);
    }
    let mut all = vec![first];
    for _ in 1..workers {
        let sockets = addresses
            .iter()
            .map(|&address| bind(address, buffer_bytes, true).map_err(|error| BindFailed { address, error }));
        all.push(sockets.collect::<Result<_, _>>()?);
    }
    Ok(all)
}

/// A listener on each of `addresses`, in their order. Port 0 takes one that is free on all of them.
pub fn bind_tcp(addresses: &[IpAddr], port: u16) -> Result<Vec<TcpListener>, BindFailed> {
    let mut tries = if port == 0 { PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        let (mut chosen, mut listeners) = (port, Vec::with_capacity(addresses.len()));
        let bound = addresses.iter().try_for_each(|&address| {
            let address = SocketAddr::new(address, chosen);
            let listener = listen(address).map_err(|error| BindFailed { address, error })?;
            chosen = listener.local_addr().map_err(|error| BindFailed { address, error })?.port();
            listeners.push(listener);
            Ok(())
        });
        match bound {
            Err(BindFailed { error, .. }) if error.kind() == ErrorKind::AddrInUse && tries > 0 => {}
            Err(failed) => return Err(failed),
            Ok(()) => return Ok(listeners),
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Connections of a run before may still be closing.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(128)?;
    Ok(socket.into())
}

fn bind(address: SocketAddr, buffer_bytes: usize, share: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_recv_buffer_size(buffer_bytes)?;
    socket.set_send_buffer_size(buffer_bytes)?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_port(share)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_share_a_port_and_strangers_do_not() {
        let loopback = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])];
        let sockets = bind_all(&loopback, 0, 3, 65536).unwrap();
        let port = sockets[0][0].local_addr().unwrap().port();
        assert_eq!(sockets.len(), 3);
        for socket in sockets.iter().flatten() {
            assert_eq!(socket.local_addr().unwrap().port(), port);
        }
        let failed = bind_all(&loopback[..1], port, 2, 65536).unwrap_err();
        assert_eq!(failed.error.kind(), ErrorKind::AddrInUse);
        assert_eq!(failed.address, SocketAddr::new(loopback[0], port));
    }
}
