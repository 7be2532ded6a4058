//! What a leg may send and what goes out to it: the frozen outcome of its answer.

/// What a track carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One audio stream.
    Audio,
    /// One video stream.
    Video,
}

/// One media section of a leg, as `relay.engine.interface.TrackPlan`.
#[derive(Clone, Debug)]
pub struct TrackPlan {
    /// The media section's identification.
    pub mid: Box<[u8]>,
    /// Audio or video.
    pub kind: Kind,
    /// Accepted payload types (without RTX) and the clock rate in Hz of each.
    pub clock_rates: Box<[(u8, u32)]>,
    /// RTX payload type and the media payload type that it repairs.
    pub rtx: Box<[(u8, u8)]>,
    /// As declared by the answer; `None`: adopt what comes.
    pub ingress_ssrc: Option<u32>,
    /// The same of RTX.
    pub ingress_rtx_ssrc: Option<u32>,
    /// Constant for the leg's life.
    pub egress_ssrc: u32,
    /// Constant for the leg's life.
    pub egress_rtx_ssrc: Option<u32>,
}

/// All tracks of a leg, as `relay.engine.interface.LegPlan`.
#[derive(Clone, Debug)]
pub struct LegPlan {
    /// In the order of the offer.
    pub tracks: Box<[TrackPlan]>,
    /// The CNAME that the leg's browser sees.
    pub cname: Box<[u8]>,
    /// Extension id of the MID.
    pub mid_extension: u8,
    /// Extension id of the transport-wide sequence number.
    pub transport_cc_extension: u8,
}

/// Most tracks of a leg; an offer of this relay has two.
pub const MAX_TRACKS: usize = 8;

/// Why a plan cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPlan {
    /// None, or more than [`MAX_TRACKS`].
    TrackCount,
    /// A payload type above 127.
    PayloadType,
    /// A clock rate of zero.
    ClockRate,
    /// A CNAME of more than 255 octets does not fit into SDES.
    CnameLength,
}

impl LegPlan {
    /// Checks what the packet path relies on.
    ///
    /// # Errors
    /// [`BadPlan`] names it.
    pub fn check(&self) -> Result<(), BadPlan> {
        if self.tracks.is_empty() || self.tracks.len() > MAX_TRACKS {
            return Err(BadPlan::TrackCount);
        }
        if self.cname.len() > 255 {
            return Err(BadPlan::CnameLength);
        }
        for track in &self.tracks {
            if track.clock_rates.iter().any(|&(_, rate)| rate == 0) {
                return Err(BadPlan::ClockRate);
            }
            let media = track.clock_rates.iter().map(|&(payload_type, _)| payload_type);
            let rtx = track.rtx.iter().flat_map(|&(payload_type, apt)| [payload_type, apt]);
            if media.chain(rtx).any(|payload_type| payload_type > 127) {
                return Err(BadPlan::PayloadType);
            }
        }
        Ok(())
    }
}
