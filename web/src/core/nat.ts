import type { Cancel, Clock } from "./clock";

/** RFC 4787, section 4.1: `open` without a NAT, `independent` where all ports see one mapped address, else `symmetric`. */
export type Mapping = "open" | "independent" | "symmetric";

/** Of an `RTCIceCandidate`, as far as a kind of NAT can be told from it. */
export interface Found {
  readonly type: string | null;
  readonly protocol: string | null;
  readonly address: string | null;
  readonly port: number | null;
  readonly relatedAddress: string | null;
  readonly relatedPort: number | null;
  readonly foundation: string | null;
}

/** What one peer connection, that asked every STUN address from the same sockets, has found so far. */
export interface Gathered {
  readonly found: readonly Found[];
  /** Sockets (`address:port`, null where the browser hides it) from which one of the addresses did not answer. */
  readonly unanswered: readonly (string | null)[];
  readonly complete: boolean;
}

export const nothingGathered: Gathered = { found: [], unanswered: [], complete: false };

const HIDDEN = new Set(["0.0.0.0", "::", ""]);
/** A browser that hides local addresses says so by these (draft-ietf-mmusic-mdns-ice-candidates, section 3.1.2.2). */
function socketOf(address: string | null, port: number | null): string | null {
  if (address === null || port === null || HIDDEN.has(address) || address.endsWith(".local") || port === 0 || port === 9) return null;
  return `${address}:${port}`;
}

/** Whether two of the addresses differ in nothing but their port, so that one NAT's mappings can be compared. */
function comparable(stun: readonly string[]): boolean {
  const hosts = stun.map((url) => url.replace(/:\d+$/u, ""));
  return new Set(hosts).size < new Set(stun).size;
}

/**
 * The kind of NAT, or null when it cannot be told (yet). A browser reports each mapped address of a socket once and
 * leaves out one that is the socket's own, so: two ports are two mappings, one is the same for both, and none means
 * there is no NAT if UDP is known to work and both addresses have answered.
 */
export function mappingOf({ found, unanswered, complete }: Gathered, stun: readonly string[], udpWorks: boolean): Mapping | null {
  if (!comparable(stun)) return null;
  const udp = found.filter(({ protocol }) => protocol === "udp");
  const hosts = new Set(udp.filter(({ type }) => type === "host").map(({ address, port }) => socketOf(address, port)));
  /** Mapped addresses by socket; with a hidden one by foundation, which is the same for one base (RFC 8445, 5.1.1.3). */
  const mapped = new Map<string, Set<string>>();
  for (const { type, address, port, relatedAddress, relatedPort, foundation } of udp) {
    if (type !== "srflx") continue;
    const base = socketOf(relatedAddress, relatedPort) ?? `foundation ${foundation ?? ""}`;
    const seen = mapped.get(base) ?? new Set();
    mapped.set(base, seen.add(`${address ?? ""}:${port ?? 0}`));
  }
  if ([...mapped.values()].some((seen) => seen.size > 1)) return "symmetric";
  if (!complete) return null;
  const answered = (socket: string | null): boolean => !unanswered.some((one) => one === null || socket === null || one === socket);
  const told = [...mapped].filter(([base]) => answered(base.startsWith("foundation ") ? null : base));
  if (told.length > 0) return told.every(([, [address]]) => hosts.has(address ?? null)) ? "open" : "independent";
  if (mapped.size > 0 || !udpWorks) return null;
  return [...hosts].some(answered) ? "open" : null;
}

export interface NatProbeOptions {
  readonly clock: Clock;
  readonly open: (stun: readonly string[]) => RTCPeerConnection;
  readonly onChange: (gathered: Gathered) => void;
}

/** Longer than a browser asks an address that does not answer. */
const GIVE_UP_MS = 11_000;
/** RFC 8839 knows no code for it; browsers use this one for a STUN address without an answer. */
const UNANSWERED = 701;

/** Asks the relay's two STUN ports from the same sockets, by one peer connection that connects to nobody. */
export class NatProbe {
  private connection: RTCPeerConnection | null = null;
  private gathered = nothingGathered;
  private cancel: Cancel = () => undefined;

  constructor(private readonly options: NatProbeOptions) {}

  /** Begins, or begins anew. */
  start(stun: readonly string[]): void {
    this.stop();
    this.change(nothingGathered);
    if (!comparable(stun)) {
      this.change({ ...nothingGathered, complete: true });
      return;
    }
    const connection = this.options.open(stun);
    this.connection = connection;
    connection.onicecandidate = ({ candidate }) => {
      if (candidate === null || candidate.candidate === "") return;
      const { type, protocol, address, port, relatedAddress, relatedPort, foundation } = candidate;
      const one: Found = { type, protocol, address, port, relatedAddress, relatedPort, foundation };
      this.change({ ...this.gathered, found: [...this.gathered.found, one] });
    };
    connection.onicecandidateerror = ({ address, port, errorCode, errorText }) => {
      // A socket of the other address family never asks, so that is no answer missed.
      if (errorCode !== UNANSWERED || /incompatible/iu.test(errorText)) return;
      this.change({ ...this.gathered, unanswered: [...this.gathered.unanswered, socketOf(address, port)] });
    };
    connection.onicegatheringstatechange = () => {
      if (connection.iceGatheringState === "complete") this.finish(true);
    };
    this.cancel = this.options.clock.after(GIVE_UP_MS, () => this.finish(false));
    // Without a section of its own a description gathers nothing.
    connection.createDataChannel("probe");
    connection.setLocalDescription().catch((error: unknown) => {
      // Closed by a newer check, or a browser that cannot: then the kind stays unknown.
      if (this.connection === connection) console.warn("nat:", error);
    });
  }

  stop(): void {
    this.cancel();
    this.connection?.close();
    this.connection = null;
  }

  private finish(answered: boolean): void {
    this.stop();
    const unanswered = answered ? this.gathered.unanswered : [...this.gathered.unanswered, null];
    this.change({ ...this.gathered, unanswered, complete: true });
  }

  private change(gathered: Gathered): void {
    this.gathered = gathered;
    this.options.onChange(gathered);
  }
}
