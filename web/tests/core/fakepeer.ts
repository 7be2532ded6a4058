type Track = MediaStreamTrack;

export function track(kind: "audio" | "video", id: string): Track {
  return { id, kind } as Track;
}

class FakeSender {
  parameters = { encodings: [{}] as Record<string, unknown>[] };
  constructor(public track: Track | null) {}
  replaceTrack(next: Track | null): Promise<void> {
    this.track = next;
    return Promise.resolve();
  }
  getParameters(): unknown {
    return this.parameters;
  }
  setParameters(parameters: { encodings: Record<string, unknown>[] }): Promise<void> {
    this.parameters = parameters;
    return Promise.resolve();
  }
}

interface FakeTransceiver {
  direction: string;
  readonly sender: FakeSender;
  readonly receiver: { readonly track: { readonly id: string; readonly kind: string } };
}

/** A peer connection's signaling as WebRTC 1.0 has it, without any media. */
export class FakePeer {
  closed = false;
  signalingState: RTCSignalingState = "stable";
  connectionState: RTCPeerConnectionState = "new";
  iceConnectionState: RTCIceConnectionState = "new";
  localDescription: { type: string; sdp: string } | null = null;
  remoteDescription: { type: string; sdp: string } | null = null;
  onicecandidate: ((event: { candidate: RTCIceCandidate | null }) => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;
  iceGatheringState: RTCIceGatheringState = "new";
  onicegatheringstatechange: (() => void) | null = null;
  onicecandidateerror: ((event: Partial<RTCPeerConnectionIceErrorEvent>) => void) | null = null;
  channels = 0;
  readonly transceivers: FakeTransceiver[] = [];
  readonly added: string[] = [];
  rolledBack = 0;
  restarts = 0;
  offers = 0;
  /** What `getStats` tells. */
  counts = { heard: 0, audio: 0, video: 0, frames: 0 };

  addTransceiver(given: Track | string, { direction }: { direction: string }): void {
    const kind = typeof given === "string" ? given : given.kind;
    this.transceivers.push({ direction, sender: new FakeSender(typeof given === "string" ? null : given), receiver: { track: { id: `their-${kind}`, kind } } });
  }
  getTransceivers(): FakeTransceiver[] {
    return this.transceivers;
  }
  getReceivers(): unknown[] {
    return this.transceivers.map(({ receiver }) => receiver);
  }
  createDataChannel(): void {
    this.channels += 1;
  }
  restartIce(): void {
    this.restarts += 1;
  }
  async setRemoteDescription(description: { type: string; sdp: string }): Promise<void> {
    await Promise.resolve();
    if (description.type === "offer") {
      if (this.signalingState === "have-local-offer") this.rolledBack += 1;
      this.signalingState = "have-remote-offer";
      if (this.transceivers.length === 0) for (const kind of ["audio", "video"]) this.addTransceiver(kind, { direction: "recvonly" });
    } else {
      this.signalingState = "stable";
    }
    this.remoteDescription = description;
  }
  createAnswer(): Promise<object> {
    return Promise.resolve({});
  }
  async setLocalDescription(): Promise<void> {
    await Promise.resolve();
    if (this.signalingState === "have-remote-offer") {
      this.localDescription = { type: "answer", sdp: `answer to ${this.remoteDescription?.sdp ?? ""}` };
      this.signalingState = "stable";
    } else {
      this.offers += 1;
      this.localDescription = { type: "offer", sdp: `offer ${this.offers}` };
      this.signalingState = "have-local-offer";
    }
  }
  addIceCandidate({ candidate }: { candidate: string }): Promise<void> {
    if (this.remoteDescription === null) return Promise.reject(new Error("no remote description"));
    this.added.push(candidate);
    return Promise.resolve();
  }
  getStats(): Promise<Map<string, Record<string, unknown>>> {
    const { heard, audio, video, frames } = this.counts;
    return Promise.resolve(
      new Map<string, Record<string, unknown>>([
        ["t", { id: "t", type: "transport", packetsReceived: heard, bytesReceived: heard * 100, selectedCandidatePairId: "p" }],
        ["p", { id: "p", type: "candidate-pair", state: "succeeded", currentRoundTripTime: 0.02 }],
        ["a", { id: "a", type: "inbound-rtp", kind: "audio", packetsReceived: audio }],
        ["v", { id: "v", type: "inbound-rtp", kind: "video", packetsReceived: video, framesDecoded: frames }],
      ]),
    );
  }
  close(): void {
    this.closed = true;
    this.connectionState = "closed";
  }

  // --- what a test makes happen ---

  becomes(state: RTCPeerConnectionState, ice: RTCIceConnectionState = "connected"): void {
    this.connectionState = state;
    this.iceConnectionState = ice;
    this.onconnectionstatechange?.();
  }
  finds(candidate: string): void {
    this.onicecandidate?.({ candidate: { candidate, sdpMid: "0", sdpMLineIndex: 0, usernameFragment: "u" } as RTCIceCandidate });
  }
  /** Media of the stranger's, as it is counted. */
  media(more: Partial<FakePeer["counts"]>): void {
    const { counts } = this;
    const audio = counts.audio + (more.audio ?? 0);
    const video = counts.video + (more.video ?? 0);
    this.counts = { heard: counts.heard + (more.heard ?? 0) + audio - counts.audio + video - counts.video, audio, video, frames: counts.frames + (more.frames ?? 0) };
  }
}
