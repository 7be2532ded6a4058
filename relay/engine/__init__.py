"""Packet engines: everything from socket to socket, behind :mod:`relay.engine.interface`."""
