// The plain client, and what the lab asks of it besides: it resumes its seat when its socket is lost, and notes
// when each frame of the stranger was shown.
"use strict";

const RETRY_MS = 200;

class LabClient extends Client {
  async start() {
    this.sent = [];
    this.frames = [];
    this.resumes = 0;
    await super.start();
    this.socket.onclose = () => this.resume();
    this.watch();
  }

  send(message) {
    this.sent.push({ ...message, n: this.n + 1 });
    super.send(message);
  }

  handle(message) {
    if (message.type === "welcome") this.seat = message.seat;
    super.handle(message);
  }

  async resume() {
    const socket = new WebSocket(this.url.replace("http", "ws") + "/ws");
    try {
      await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject; });
    } catch {
      setTimeout(() => this.resume(), RETRY_MS);
      return;
    }
    this.socket = socket;
    const from = this.log.length;
    socket.onmessage = (event) => this.handle(JSON.parse(event.data));
    socket.onclose = () => this.resume();
    socket.send(JSON.stringify({
      type: "hello", token: this.token, resume: { seat: this.seat, received: this.received },
    }));
    const welcome = await this.wait((m) => m.type === "welcome", from);
    this.resumes += 1;
    for (const message of this.sent.filter((m) => m.n > welcome.received)) socket.send(JSON.stringify(message));
  }

  watch() {
    const video = document.getElementById("remote");
    const shown = (now) => {
      this.frames.push(now);
      video.requestVideoFrameCallback(shown);
    };
    video.requestVideoFrameCallback(shown);
  }

  // Milliseconds from the match (its last) to its first frame.
  async firstFrame() {
    const matched = this.log.filter((m) => m.type === "matched").pop().at;
    for (;;) {
      const first = this.frames.find((at) => at > matched);
      if (first) return first - matched;
      await this.frame();
    }
  }

  // The longest time without a new frame from `since` on, in milliseconds.
  gap(since) {
    const times = [since, ...this.frames.filter((at) => at > since), performance.now()];
    return Math.max(...times.slice(1).map((at, index) => at - times[index]));
  }

  // Resolves when frames have come for `ms` without a gap of more than `most` ms.
  async steady(ms, most) {
    for (let from = performance.now(); ;) {
      await this.frame();
      const now = performance.now();
      if (this.gap(Math.max(from, now - ms)) > most) from = now;
      else if (now - from >= ms) return;
    }
  }

  // The path in use: how the relay is reached.
  async path() {
    const reports = [...(await this.pc.getStats()).values()];
    const transport = reports.find((r) => r.type === "transport");
    const pair = reports.find((r) => r.id === transport.selectedCandidatePairId);
    const { protocol, address, port } = reports.find((r) => r.id === pair.remoteCandidateId);
    const local = reports.find((r) => r.id === pair.localCandidateId);
    return { protocol, address, port, local: local.address, roundTrip: pair.currentRoundTripTime };
  }

  last(type) {
    return this.log.filter((m) => m.type === type).pop();
  }
}

window.LabClient = LabClient;
