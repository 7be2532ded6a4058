"""The relay: legs, links and packets. It knows nothing of users, HTTP or the database."""
