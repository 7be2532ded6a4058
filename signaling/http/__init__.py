"""REST by aiohttp: accounts, terms, health. One error form, made in :mod:`signaling.http.errors`."""
