/** Keeps the screen on while it is wanted. Browsers take the lock away with the page's visibility. */
export class ScreenWake {
  private wanted = false;
  private lock: WakeLockSentinel | null = null;

  constructor(private readonly locks: WakeLock | null) {}

  set(wanted: boolean): void {
    this.wanted = wanted;
    if (wanted) {
      void this.take();
    } else {
      void this.lock?.release();
      this.lock = null;
    }
  }

  /** The page can be seen again. */
  visible(): void {
    if (this.wanted) void this.take();
  }

  private async take(): Promise<void> {
    if (this.locks === null || (this.lock !== null && !this.lock.released)) return;
    try {
      const lock = await this.locks.request("screen");
      if (this.stillWanted()) this.lock = lock;
      else await lock.release();
    } catch {
      // A low battery or a hidden page: the screen goes dark as it would have.
    }
  }

  private stillWanted(): boolean {
    return this.wanted;
  }
}
