/** What a connection sends of the own devices: the same for the leg and for the direct route. */
export interface OwnTracks {
  readonly audio: MediaStreamTrack | null;
  readonly video: MediaStreamTrack | null;
}

export const nothing: OwnTracks = { audio: null, video: null };

const LOW_BITRATE_BPS = 120_000;
const VIDEO_BITRATE_BPS = 2_500_000;

/** Null sends nothing. A track that is there already is not put there again. */
export async function putTracks(connection: RTCPeerConnection, { audio, video }: OwnTracks): Promise<void> {
  for (const { receiver, sender } of connection.getTransceivers()) {
    const track = receiver.track.kind === "audio" ? audio : video;
    if (sender.track !== track) await sender.replaceTrack(track);
  }
}

/** Sound before picture; in low-bandwidth mode the picture is small and slow besides. */
export async function limitRates(connection: RTCPeerConnection, lowBandwidth: boolean): Promise<void> {
  for (const { receiver, sender } of connection.getTransceivers()) {
    const parameters = sender.getParameters();
    const [encoding] = parameters.encodings;
    if (encoding === undefined) continue;
    if (receiver.track.kind === "audio") {
      encoding.priority = "high";
      encoding.networkPriority = "high";
    } else {
      encoding.maxBitrate = lowBandwidth ? LOW_BITRATE_BPS : VIDEO_BITRATE_BPS;
      encoding.scaleResolutionDownBy = lowBandwidth ? 4 : 1;
      encoding.maxFramerate = lowBandwidth ? 10 : 30;
    }
    await sender.setParameters(parameters);
  }
}
