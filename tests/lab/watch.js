// Runs before the page, after tests/e2e/web/watch.js: notes what the client hears and says and when each frame
// of the stranger comes, all on the page's own time line, and changes nothing.
(() => {
  const lab = { heard: [], raw: [], said: [], frames: [], failures: [] };
  window.lab = lab;

  window.WebSocket = new Proxy(WebSocket, {
    construct(target, given) {
      const socket = Reflect.construct(target, given);
      socket.addEventListener("message", (event) => {
        lab.raw.push(event.data);
        lab.heard.push({ at: performance.now(), ...JSON.parse(event.data) });
      });
      const send = socket.send.bind(socket);
      socket.send = (data) => {
        lab.said.push({ at: performance.now(), ...JSON.parse(data) });
        send(data);
      };
      return socket;
    },
  });

  const peerOf = (stream) => watch.peers.findIndex((peer) =>
    peer.getReceivers().some((receiver) => stream?.getTracks().includes(receiver.track)));

  // A picture is the stranger's when its track is what a connection receives.
  const source = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "srcObject");
  Object.defineProperty(HTMLMediaElement.prototype, "srcObject", {
    ...source,
    set(stream) {
      source.set.call(this, stream);
      if (!(this instanceof HTMLVideoElement) || peerOf(stream) < 0) return;
      const look = (now, { receiveTime }) => {
        if (this.srcObject !== stream) return;
        // Until its first frame has come the picture is not on the screen; that frame is the one that puts it there.
        lab.frames.push({ at: now, received: receiveTime ?? now, shown: this.dataset.seen !== undefined, peer: peerOf(stream) });
        this.requestVideoFrameCallback(look);
      };
      this.requestVideoFrameCallback(look);
    },
  });

  const pause = () => new Promise((resolve) => setTimeout(resolve, 20));

  lab.last = (type) => lab.heard.findLast((message) => message.type === type);
  lab.all = (type) => lab.heard.filter((message) => message.type === type);
  lab.now = () => performance.now();

  // Milliseconds from the n-th `matched` to the first frame that arrived since.
  lab.firstFrame = async (n) => {
    for (;;) {
      const matched = lab.all("matched")[n - 1];
      const first = matched && lab.frames.find((frame) => frame.received >= matched.at);
      if (first) return first.at - matched.at;
      await pause();
    }
  };

  // The longest time without a new frame on the screen since then.
  lab.gap = (since) => {
    const times = [since, ...lab.frames.filter((frame) => frame.shown && frame.at > since).map((frame) => frame.at), performance.now()];
    return Math.max(...times.slice(1).map((at, index) => at - times[index]));
  };

  // Resolves when frames have come for `ms` without a gap of more than `most`.
  lab.steady = async (ms, most) => {
    for (let from = performance.now(); ; await pause()) {
      const now = performance.now();
      if (lab.gap(Math.max(from, now - ms)) > most) from = now;
      else if (now - from >= ms) return;
    }
  };

  const shownPeer = () => watch.peers[peerOf(document.querySelector("video[data-seen]")?.srcObject)];

  // How the picture on the screen comes: the pair in use.
  lab.path = async () => {
    const reports = [...(await shownPeer().getStats()).values()];
    const transport = reports.find((r) => r.type === "transport");
    const pair = reports.find((r) => r.id === transport.selectedCandidatePairId);
    const remote = reports.find((r) => r.id === pair.remoteCandidateId);
    const local = reports.find((r) => r.id === pair.localCandidateId);
    return {
      protocol: remote.protocol, address: remote.address, port: remote.port,
      local: local.address, type: local.candidateType, relayProtocol: local.relayProtocol ?? null,
    };
  };

  lab.inbound = async () => {
    const reports = [...(await shownPeer().getStats()).values()];
    return Object.fromEntries(reports.filter((r) => r.type === "inbound-rtp").map((r) => [r.kind, r]));
  };
})();
