//! Why a datagram, packet or RTCP block was not forwarded, and how often.

macro_rules! drops {
    ($($variant:ident = $label:literal),+ $(,)?) => {
        /// A reason; its label is the one of `relay.engine.interface.Drop`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Drop {
            $(#[doc = $label] $variant),+
        }

        impl Drop {
            /// Every reason, in the order of [`Drops`]' counters.
            pub const ALL: [Self; [$($label),+].len()] = [$(Self::$variant),+];

            /// The metric label.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label),+ }
            }
        }
    };
}

drops! {
    Empty = "empty",
    UnknownProtocol = "unknown_protocol",
    UnknownSource = "unknown_source",
    StunMalformed = "stun_malformed",
    StunUnsupported = "stun_unsupported",
    StunUnknownUfrag = "stun_unknown_ufrag",
    StunBadIntegrity = "stun_bad_integrity",
    StunRateLimited = "stun_rate_limited",
    DtlsQueueFull = "dtls_queue_full",
    NoKeys = "no_keys",
    SrtpMalformed = "srtp_malformed",
    SrtpBadAuth = "srtp_bad_auth",
    SrtpReplayed = "srtp_replayed",
    BitRateExceeded = "bit_rate_exceeded",
    Unlinked = "unlinked",
    UnknownPayloadType = "unknown_payload_type",
    UnsharedPayloadType = "unshared_payload_type",
    UnknownSsrc = "unknown_ssrc",
    MidMismatch = "mid_mismatch",
    BeforeLink = "before_link",
    TooLong = "too_long",
    NoPath = "no_path",
    SendFailed = "send_failed",
    RtcpMalformed = "rtcp_malformed",
    RtcpUnknownType = "rtcp_unknown_type",
    RtcpUnmapped = "rtcp_unmapped",
    KeyframeThrottled = "keyframe_throttled",
    TcpRefused = "tcp_refused",
    TcpUnauthenticated = "tcp_unauthenticated",
    TcpMalformed = "tcp_malformed",
    TcpQueueFull = "tcp_queue_full",
}

/// A counter for each reason.
#[derive(Clone, Debug, Default)]
pub struct Drops([u64; Drop::ALL.len()]);

impl Drops {
    /// Counts one.
    pub fn count(&mut self, reason: Drop) {
        self.0[reason as usize] += 1;
    }

    /// How often `reason` was counted.
    #[must_use]
    pub fn get(&self, reason: Drop) -> u64 {
        self.0[reason as usize]
    }

    /// Adds what another set counted.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// The reasons that were counted at least once.
    pub fn iter(&self) -> impl Iterator<Item = (Drop, u64)> + '_ {
        Drop::ALL.into_iter().zip(self.0).filter(|&(_, count)| count > 0)
    }
}
