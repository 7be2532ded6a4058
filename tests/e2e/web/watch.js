// Runs before the page: keeps what it opens within a test's reach, and changes nothing else.
(() => {
  const watch = { peers: [], sockets: [], locks: 0, violations: [], interactiveAt: null };
  window.watch = watch;
  // Which connection the picture on the screen comes by, and those to the relay: they need no ICE server.
  watch.carrying = () => {
    const shown = document.querySelector("video[data-seen]")?.srcObject.getTracks() ?? [];
    return watch.peers.find((peer) => peer.getReceivers().some(({ track }) => shown.includes(track)));
  };
  watch.legs = () => watch.peers.filter((peer) => peer.getConfiguration().iceServers.length === 0);
  window.RTCPeerConnection = new Proxy(RTCPeerConnection, {
    construct(target, given) {
      const peer = Reflect.construct(target, given);
      watch.peers.push(peer);
      return peer;
    },
  });
  window.WebSocket = new Proxy(WebSocket, {
    construct(target, given) {
      const socket = Reflect.construct(target, given);
      watch.sockets.push(socket);
      return socket;
    },
  });
  if (navigator.wakeLock) {
    const request = navigator.wakeLock.request.bind(navigator.wakeLock);
    navigator.wakeLock.request = (kind) => {
      watch.locks += 1;
      return request(kind);
    };
  }
  addEventListener("securitypolicyviolation", (event) => watch.violations.push(event.violatedDirective));
  new MutationObserver((_changes, observer) => {
    if (document.querySelector("form button[type=submit]") === null) return;
    watch.interactiveAt = performance.now();
    observer.disconnect();
  }).observe(document, { childList: true, subtree: true });
})();
