/** Numbers as people read them. */

const UNKNOWN = "–";

export function bitRate(bps: number | null): string {
  if (bps === null) return UNKNOWN;
  return bps >= 1e6 ? `${(bps / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bps / 1e3)} kbit/s`;
}

export function permille(share: number | null): string {
  return share === null ? UNKNOWN : `${(share / 10).toFixed(share % 10 === 0 ? 0 : 1)} %`;
}

export function milliseconds(value: number | null): string {
  return value === null ? UNKNOWN : `${Math.round(value)} ms`;
}

export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number): string => String(value).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  return minutes >= 60
    ? `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`
    : `${minutes}:${two(whole % 60)}`;
}

/** Of Unix seconds. */
export function clockTime(at: number, language: string): string {
  return new Date(at * 1000).toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

export function dayAndTime(at: number, language: string): string {
  return new Date(at * 1000).toLocaleString(language, { dateStyle: "medium", timeStyle: "medium" });
}

export function shortId(id: string): string {
  return id.length > 12 ? `${id.slice(0, 11)}…` : id;
}
