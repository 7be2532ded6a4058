// The smallest client that docs/protocol.md allows: what the relay's browser tests drive.
"use strict";

class Client {
  constructor(url) {
    this.url = url;
    this.n = 0;
    this.received = 0;
    this.log = [];
    this.waiters = [];
    this.offers = 0;
  }

  async start() {
    const terms = await (await fetch(this.url + "/api/v1/terms")).json();
    const session = await (await fetch(this.url + "/api/v1/auth/guest", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ age_confirmed: true, terms_version: terms.version }),
    })).json();
    this.token = session.access_token;
    this.media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } });
    this.socket = new WebSocket(this.url.replace("http", "ws") + "/ws");
    this.socket.onmessage = (event) => this.handle(JSON.parse(event.data));
    await new Promise((resolve) => { this.socket.onopen = resolve; });
    this.socket.send(JSON.stringify({ type: "hello", token: this.token }));
    await this.wait((m) => m.type === "welcome");
    setInterval(() => this.socket.send(JSON.stringify({ type: "ping", received: this.received })), 2000);
  }

  send(message) {
    this.n += 1;
    this.socket.send(JSON.stringify({ ...message, n: this.n }));
  }

  handle(message) {
    message.at = performance.now();
    if (message.seq) this.received = message.seq;
    this.log.push(message);
    if (message.type === "leg_offer") this.answer(message);
    if (message.type === "route" && message.state === "linked") this.feed(true);
    if (message.type === "ended") this.feed(false);
    this.waiters = this.waiters.filter(({ test, resolve }) => {
      if (!test(message)) return true;
      resolve(message);
      return false;
    });
  }

  // Resolves with the first message, past or to come, that passes the test.
  wait(test, from = 0) {
    const past = this.log.slice(from).find(test);
    if (past) return Promise.resolve(past);
    return new Promise((resolve) => this.waiters.push({ test, resolve }));
  }

  async answer(message) {
    this.offers += 1;
    if (!this.pc) {
      this.pc = new RTCPeerConnection();
      const stream = new MediaStream();
      this.pc.ontrack = (event) => {
        stream.addTrack(event.track);
        document.getElementById("remote").srcObject = stream;
      };
    }
    await this.pc.setRemoteDescription({ type: "offer", sdp: message.sdp });
    for (const transceiver of this.pc.getTransceivers()) transceiver.direction = "sendrecv";
    await this.pc.setLocalDescription(await this.pc.createAnswer());
    this.send({ type: "leg_answer", leg: message.leg, sdp: this.pc.localDescription.sdp });
  }

  async feed(on) {
    for (const transceiver of this.pc.getTransceivers()) {
      const kind = transceiver.receiver.track.kind;
      const track = this.media.getTracks().find((t) => t.kind === kind);
      await transceiver.sender.replaceTrack(on ? track : null);
    }
  }

  async stats() {
    const out = { video: {}, audio: {}, outbound: {} };
    for (const report of (await this.pc.getStats()).values()) {
      if (report.type === "inbound-rtp") out[report.kind] = { ...report };
      if (report.type === "outbound-rtp" && report.kind === "video") out.outbound = { ...report };
      if (report.type === "candidate-pair" && report.nominated) out.pair = { ...report };
      if (report.type === "transport") out.transport = { ...report };
    }
    return out;
  }

  // Resolves when the element shows a frame that was not there at the call.
  frame() {
    const video = document.getElementById("remote");
    return new Promise((resolve) => video.requestVideoFrameCallback((now) => resolve(now)));
  }
}

window.Client = Client;
