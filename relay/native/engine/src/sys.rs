//! The system calls that no safe wrapper covers: reading and sending many datagrams at once
//! (recvmmsg, sendmmsg) with segmentation by the kernel (UDP_GRO, UDP_SEGMENT); and the one processor
//! instruction without a safe wrapper, the prefetch.
//!
//! Every pointer handed to the kernel is made from a live borrow in the same function that makes the
//! call, so none outlives what it points to.

use std::io::{self, IoSlice};
use std::mem::{size_of, size_of_val};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;

use burrow_packet::ahead::Span;
use burrow_packet::remote::Remote;

/// Most datagrams in one reading.
pub const MAX_READ: usize = 64;
/// Most messages, and most segments, in one sending.
pub const MAX_SEND: usize = 128;
/// Most segments in one message (the kernel's UDP_MAX_SEGMENTS).
pub const MAX_SEGMENTS: usize = 64;

/// A socket address of either family in the kernel's form: `sockaddr_in` is the shorter.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Name([u8; size_of::<libc::sockaddr_in6>()]);

impl Name {
    const EMPTY: Self = Self([0; size_of::<libc::sockaddr_in6>()]);

    /// The address on the socket numbered `local`; `None` when it is of no internet family.
    fn remote(&self, local: u32) -> Option<Remote> {
        let octets = &self.0;
        let port = u16::from_be_bytes([octets[2], octets[3]]);
        let ip = match i32::from(u16::from_ne_bytes([octets[0], octets[1]])) {
            libc::AF_INET => {
                Ipv4Addr::new(octets[4], octets[5], octets[6], octets[7]).to_ipv6_mapped().to_bits()
            }
            libc::AF_INET6 => {
                let mut ip = [0; 16];
                ip.copy_from_slice(&octets[8..24]);
                u128::from_be_bytes(ip)
            }
            _ => return None,
        };
        Some(Remote::from_bits(local, ip, port))
    }

    /// Writes an address and returns its length.
    fn set(&mut self, remote: Remote) -> libc::socklen_t {
        let address = remote.address();
        self.0 = [0; size_of::<libc::sockaddr_in6>()];
        self.0[2..4].copy_from_slice(&address.port().to_be_bytes());
        let (family, len) = match address.ip() {
            std::net::IpAddr::V4(ip) => {
                self.0[4..8].copy_from_slice(&ip.octets());
                (libc::AF_INET, size_of::<libc::sockaddr_in>())
            }
            std::net::IpAddr::V6(ip) => {
                self.0[8..24].copy_from_slice(&ip.octets());
                (libc::AF_INET6, size_of::<libc::sockaddr_in6>())
            }
        };
        self.0[..2].copy_from_slice(&(family as u16).to_ne_bytes());
        len as libc::socklen_t
    }
}

/// Room for two control messages with a small value each, aligned as the kernel wants it.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; 64]);

/// Octets before a control message's value: its length, level and type.
const CONTROL_HEADER: usize = size_of::<libc::cmsghdr>();
const LEVEL_AT: usize = size_of::<usize>();

impl Control {
    const EMPTY: Self = Self([0; 64]);

    fn int(&self, at: usize) -> i32 {
        let octets = &self.0[at..at + 4];
        i32::from_ne_bytes([octets[0], octets[1], octets[2], octets[3]])
    }

    /// The length of the segments in which a sender's kernel or this one gathered them. The sockets
    /// here ask for no other message, so it is the first.
    fn gro_segment(&self, control_len: usize) -> Option<usize> {
        let filled = control_len >= CONTROL_HEADER + size_of::<libc::c_int>();
        let kind = (self.int(LEVEL_AT), self.int(LEVEL_AT + 4));
        (filled && kind == (libc::SOL_UDP, libc::UDP_GRO))
            .then(|| self.int(CONTROL_HEADER).unsigned_abs() as usize)
    }

    /// Writes a message at `at` and returns where the next one begins.
    fn put(&mut self, at: usize, level: i32, kind: i32, value: &[u8]) -> usize {
        let end = at + CONTROL_HEADER + value.len();
        self.0[at..at + LEVEL_AT].copy_from_slice(&(end - at).to_ne_bytes());
        self.0[at + LEVEL_AT..at + LEVEL_AT + 4].copy_from_slice(&level.to_ne_bytes());
        self.0[at + LEVEL_AT + 4..at + CONTROL_HEADER].copy_from_slice(&kind.to_ne_bytes());
        self.0[at + CONTROL_HEADER..end].copy_from_slice(value);
        end.next_multiple_of(size_of::<usize>())
    }
}

/// Asks the processor to fetch memory that will soon be needed.
pub fn prefetch(span: Span) {
    for offset in (0..span.len).step_by(CACHE_LINE) {
        let line = span.start.wrapping_add(offset);
        // SAFETY: a prefetch reads nothing that the program could see and faults on no address.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(line.cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = line;
    }
}

const CACHE_LINE: usize = 64;

/// A header that points to nothing.
fn blank() -> libc::mmsghdr {
    // SAFETY: mmsghdr consists of integers and raw pointers, for all of which zero is a value.
    unsafe { std::mem::zeroed() }
}

/// Lets the kernel hand over datagrams of one sender gathered into one buffer (UDP_GRO), or not.
///
/// # Errors
/// The system's, where the kernel does not know the option.
pub fn set_gro(socket: &UdpSocket, on: bool) -> io::Result<()> {
    set_option(socket, libc::SOL_UDP, libc::UDP_GRO, libc::c_int::from(on))
}

/// Whether datagrams that are too long for their path are refused (EMSGSIZE) rather than sent in fragments.
///
/// The path's MTU is discovered either way. But only a datagram that is certain never to be fragmented gets no
/// identification, for which the kernel otherwise writes to a table by destination: a cache miss a packet.
/// It is about IPv4; IPv6 has no identification but in fragments.
///
/// # Errors
/// The system's.
pub fn set_whole(socket: &UdpSocket, on: bool) -> io::Result<()> {
    let value = if on { libc::IP_PMTUDISC_DO } else { libc::IP_PMTUDISC_WANT };
    set_option(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, value)
}

fn set_option(socket: &UdpSocket, level: i32, name: i32, value: libc::c_int) -> io::Result<()> {
    // SAFETY: the pointer is to a live c_int, and its size is given with it.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Buffers for one reading of a socket.
pub struct Inbox {
    octets: Box<[u8]>,
    slot_len: usize,
    stride: usize,
    names: [Name; MAX_READ],
    controls: [Control; MAX_READ],
    received: [(usize, usize); MAX_READ],
}

impl Inbox {
    /// Slots of `slot_len` octets each. They are not a power of two apart, so that their beginnings,
    /// which are all that most packets use, do not compete for the same lines of the caches.
    #[must_use]
    pub fn new(slot_len: usize) -> Self {
        let stride = ((slot_len / 64) | 1) * 64 + 64 * 20;
        Self {
            octets: vec![0; stride * MAX_READ].into_boxed_slice(),
            slot_len,
            stride,
            names: [Name::EMPTY; MAX_READ],
            controls: [Control::EMPTY; MAX_READ],
            received: [(0, 0); MAX_READ],
        }
    }

    /// Reads what is there, up to [`MAX_READ`] datagrams, without waiting; returns how many.
    ///
    /// # Errors
    /// The system's; nothing to read is 0.
    pub fn read(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        let mut vectors = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; MAX_READ];
        let mut headers = [blank(); MAX_READ];
        let slots = self.octets.chunks_exact_mut(self.stride);
        for ((((header, vector), slot), name), control) in
            headers.iter_mut().zip(&mut vectors).zip(slots).zip(&mut self.names).zip(&mut self.controls)
        {
            vector.iov_base = slot.as_mut_ptr().cast();
            vector.iov_len = self.slot_len;
            header.msg_hdr.msg_name = (&raw mut *name).cast();
            header.msg_hdr.msg_namelen = size_of::<Name>() as libc::socklen_t;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = (&raw mut *control).cast();
            header.msg_hdr.msg_controllen = size_of::<Control>() as _;
        }
        // SAFETY: every header points to a name, a vector, a slot and a control of its own, all of the
        // lengths given and all borrowed here until after the call.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                MAX_READ as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        if count < 0 {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
                _ => Err(error),
            };
        }
        let count = count as usize;
        for ((received, header), control) in
            self.received.iter_mut().zip(&headers[..count]).zip(&self.controls)
        {
            let len = header.msg_len as usize;
            let segment = control.gro_segment(header.msg_hdr.msg_controllen).unwrap_or(len);
            *received = (len, segment);
        }
        Ok(count)
    }

    /// Of the datagram at `at` in the last reading: who sent it (on the socket numbered `local`), its
    /// length, and the length of the segments it consists of.
    #[must_use]
    pub fn head(&self, at: usize, local: u32) -> Option<(Remote, usize, usize)> {
        let (len, segment) = self.received[at];
        Some((self.names[at].remote(local)?, len, segment))
    }

    /// The whole buffer of a slot.
    #[must_use]
    pub fn slot(&self, at: usize) -> &[u8] {
        &self.octets[at * self.stride..][..self.slot_len]
    }

    /// The whole buffer of a slot.
    pub fn slot_mut(&mut self, at: usize) -> &mut [u8] {
        &mut self.octets[at * self.stride..][..self.slot_len]
    }
}

/// One datagram, or several of one length (the last may be shorter) to one address.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// Where to.
    pub to: Remote,
    /// Place of its first segment.
    pub first: usize,
    /// How many segments.
    pub count: usize,
    /// Where from, on a socket bound to no address; `None`: from the socket's own.
    pub source: Option<Ipv4Addr>,
}

/// Sends many messages at once.
pub struct Outbox {
    names: [Name; MAX_SEND],
    controls: [Control; MAX_SEND],
}

impl Default for Outbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Outbox {
    /// Room for [`MAX_SEND`] messages.
    #[must_use]
    pub fn new() -> Self {
        Self { names: [Name::EMPTY; MAX_SEND], controls: [Control::EMPTY; MAX_SEND] }
    }

    /// Hands `messages`, at most [`MAX_SEND`], to the kernel without waiting; returns how many it took.
    /// The places of their segments lie in `segments`. A single datagram that is too long for its path goes in
    /// fragments, whatever [`set_whole`] says.
    ///
    /// # Errors
    /// The system's about the first message.
    ///
    /// # Panics
    /// When a message's segments do not lie in `segments`.
    pub fn send(
        &mut self,
        socket: &UdpSocket,
        messages: &[Message],
        segments: &[IoSlice<'_>],
    ) -> io::Result<usize> {
        match self.send_now(socket, messages, segments) {
            Err(error)
                if error.raw_os_error() == Some(libc::EMSGSIZE)
                    && messages.first().is_some_and(|message| message.count == 1) =>
            {
                set_whole(socket, false)?;
                let sent = self.send_now(socket, &messages[..1], segments);
                set_whole(socket, true)?;
                sent
            }
            sent => sent,
        }
    }

    fn send_now(
        &mut self,
        socket: &UdpSocket,
        messages: &[Message],
        segments: &[IoSlice<'_>],
    ) -> io::Result<usize> {
        let mut headers = [blank(); MAX_SEND];
        let count = messages.len().min(MAX_SEND);
        for (((header, message), name), control) in
            headers.iter_mut().zip(messages).zip(&mut self.names).zip(&mut self.controls)
        {
            let own = &segments[message.first..message.first + message.count];
            header.msg_hdr.msg_namelen = name.set(message.to);
            header.msg_hdr.msg_name = (&raw mut *name).cast();
            // IoSlice has the layout of iovec (its documentation), and the kernel only reads here.
            header.msg_hdr.msg_iov = own.as_ptr().cast_mut().cast();
            header.msg_hdr.msg_iovlen = own.len() as _;
            let mut end = 0;
            if own.len() > 1 {
                let segment = (own[0].len() as u16).to_ne_bytes();
                end = control.put(end, libc::SOL_UDP, libc::UDP_SEGMENT, &segment);
            }
            if let Some(source) = message.source {
                // struct in_pktinfo: interface, source, and a destination that only reading fills.
                let mut info = [0; size_of::<libc::in_pktinfo>()];
                info[4..8].copy_from_slice(&source.octets());
                end = control.put(end, libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
            }
            if end > 0 {
                header.msg_hdr.msg_control = (&raw mut *control).cast();
                header.msg_hdr.msg_controllen = end as _;
            }
        }
        // SAFETY: every header points to a name, to vectors and perhaps to a control, all of the
        // lengths given and all borrowed here until after the call; the kernel writes only the headers.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                count as libc::c_uint,
                libc::MSG_DONTWAIT,
            )
        };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(sent as usize) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn pair() -> (UdpSocket, UdpSocket) {
        let bind = || UdpSocket::bind("127.0.0.1:0").unwrap();
        let (a, b) = (bind(), bind());
        b.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        (a, b)
    }

    #[test]
    fn batches_go_out_and_come_in() {
        let (a, b) = pair();
        let to = Remote::new(0, b.local_addr().unwrap());
        let payloads = [b"one".as_slice(), b"three", b"seven of"];
        let segments = payloads.map(IoSlice::new);
        let messages = [0, 1, 2].map(|first| Message { to, first, count: 1, source: None });
        assert_eq!(Outbox::new().send(&a, &messages, &segments).unwrap(), 3);
        let mut inbox = Inbox::new(2048);
        assert_eq!(inbox.read(&b).unwrap(), 3);
        for (at, payload) in payloads.iter().enumerate() {
            let (from, len, segment) = inbox.head(at, 7).unwrap();
            assert_eq!((from.address(), from.local()), (a.local_addr().unwrap(), 7));
            assert_eq!((&inbox.slot(at)[..len], segment), (*payload, len));
        }
        assert_eq!(inbox.read(&b).unwrap(), 0);
    }

    #[test]
    fn segments_are_gathered_only_when_asked() {
        let (a, b) = pair();
        let to = Remote::new(0, b.local_addr().unwrap());
        let segments = [&[1; 100][..], &[2; 100], &[3; 50]].map(IoSlice::new);
        let message = [Message { to, first: 0, count: 3, source: None }];
        let mut inbox = Inbox::new(65535);
        assert_eq!(Outbox::new().send(&a, &message, &segments).unwrap(), 1);
        assert_eq!(inbox.read(&b).unwrap(), 3);
        set_gro(&b, true).unwrap();
        assert_eq!(Outbox::new().send(&a, &message, &segments).unwrap(), 1);
        assert_eq!(inbox.read(&b).unwrap(), 1);
        let (_, len, segment) = inbox.head(0, 0).unwrap();
        assert_eq!((len, segment), (250, 100));
    }

    #[test]
    fn a_message_can_name_its_source() {
        let (_, b) = pair();
        let to = Remote::new(0, b.local_addr().unwrap());
        let any = UdpSocket::bind("0.0.0.0:0").unwrap();
        let source = Ipv4Addr::new(127, 9, 8, 7);
        let segments = [&[1; 10][..], &[2; 10]].map(IoSlice::new);
        let message = [Message { to, first: 0, count: 2, source: Some(source) }];
        assert_eq!(Outbox::new().send(&any, &message, &segments).unwrap(), 1);
        let mut inbox = Inbox::new(2048);
        assert_eq!(inbox.read(&b).unwrap(), 2);
        assert_eq!(inbox.head(0, 0).unwrap().0.address().ip(), source);
    }

    #[test]
    fn ipv6_addresses_survive() {
        let mut name = Name::EMPTY;
        let remote = Remote::new(3, "[2001:db8::5]:99".parse().unwrap());
        assert_eq!(name.set(remote) as usize, size_of::<libc::sockaddr_in6>());
        assert_eq!(name.remote(3), Some(remote));
        name.0[..2].copy_from_slice(&[0xff, 0xff]);
        assert_eq!(name.remote(3), None);
    }
}
