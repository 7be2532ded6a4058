// Runs before the page: keeps what it opens within a test's reach, and changes nothing else.
(() => {
  const watch = { peers: [], sockets: [], locks: 0, violations: [], interactiveAt: null };
  window.watch = watch;
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
