"""Headless peers: everything a browser can do, from Python or from a command line."""

from __future__ import annotations

from peers.connection import Offline, Online
from peers.errors import PeerError
from peers.match import Match, MatchEvent, Receipt
from peers.measure import MatchReport
from peers.media.file import FileMedia
from peers.media.source import Media, Run
from peers.media.synthetic import SyntheticMedia
from peers.peer import Peer, PeerEvent

__all__ = [
    "FileMedia",
    "Match",
    "MatchEvent",
    "MatchReport",
    "Media",
    "Offline",
    "Online",
    "Peer",
    "PeerError",
    "PeerEvent",
    "Receipt",
    "Run",
    "SyntheticMedia",
]
