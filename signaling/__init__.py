"""Accounts, REST, the WebSocket, matchmaking and the match coordinator."""
