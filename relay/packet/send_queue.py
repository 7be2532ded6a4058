"""What waits for a TCP connection that does not keep up: bounded, and old video goes first."""

from __future__ import annotations

from collections import OrderedDict, deque

Waiting = tuple[int, bytes]
"""The order in which it came, and the datagram."""


class SendQueue:
    """Datagrams leave in the order in which they came; at most ``most_bytes`` of them wait.

    Drop policy: for a datagram that does not fit, the oldest video frame goes, whole, also what of it is
    still to come; then the next one. When no video is left the oldest audio packet goes, and after that the
    oldest of the rest (STUN, DTLS, RTCP).
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._frames: OrderedDict[bytes, deque[Waiting]] = OrderedDict()
        self._audio: deque[Waiting] = deque()
        self._control: deque[Waiting] = deque()
        self._broken: bytes | None = None
        """The frame dropped last."""
        self._next = 0
        self.octets = 0

    def __bool__(self) -> bool:
        return self.octets > 0

    def add_video(self, datagram: bytes, frame: bytes) -> int:
        """``frame`` is the same for all packets of one frame. Returns how many datagrams were dropped."""
        if frame == self._broken:
            return 1
        dropped = self._make_room(len(datagram))
        if frame == self._broken:
            return dropped + 1
        self._frames.setdefault(frame, deque()).append(self._numbered(datagram))
        return dropped

    def add_audio(self, datagram: bytes) -> int:
        """Returns how many datagrams were dropped."""
        dropped = self._make_room(len(datagram))
        self._audio.append(self._numbered(datagram))
        return dropped

    def add_control(self, datagram: bytes) -> int:
        """Anything but audio and video. Returns how many datagrams were dropped."""
        dropped = self._make_room(len(datagram))
        self._control.append(self._numbered(datagram))
        return dropped

    def take(self) -> bytes:
        """The datagram that came first. Raises :class:`IndexError` when none waits."""
        heads = [queue for queue in (self._control, self._audio, self._oldest_frame()) if queue]
        if not heads:
            raise IndexError("nothing waits")
        first = min(heads, key=lambda queue: queue[0][0])
        datagram = first.popleft()[1]
        self.octets -= len(datagram)
        if self._frames and not self._oldest_frame():
            self._frames.popitem(last=False)
        return datagram

    def _oldest_frame(self) -> deque[Waiting]:
        return next(iter(self._frames.values()), deque())

    def _numbered(self, datagram: bytes) -> Waiting:
        self._next += 1
        self.octets += len(datagram)
        return self._next, datagram

    def _make_room(self, size: int) -> int:
        dropped = 0
        while self.octets + size > self._most_bytes:
            if self._frames:
                self._broken, packets = self._frames.popitem(last=False)
            elif self._audio:
                packets = deque([self._audio.popleft()])
            elif self._control:
                packets = deque([self._control.popleft()])
            else:
                break  # a datagram larger than the whole queue: let through, the queue is empty
            self.octets -= sum(len(datagram) for _, datagram in packets)
            dropped += len(packets)
        return dropped
