/** Stops what was scheduled; harmless when it has already run. */
export type Cancel = () => void;

/** The only source of time in `core`, so that tests move it by hand. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number;
  after(delayMs: number, run: () => void): Cancel;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Runs at once-a-period until cancelled; each run is scheduled only after the one before. */
export function every(clock: Clock, periodMs: number, run: () => void): Cancel {
  let cancel = clock.after(periodMs, tick);
  function tick(): void {
    cancel = clock.after(periodMs, tick);
    run();
  }
  return () => cancel();
}
