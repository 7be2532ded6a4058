"""The database's error tree. Every error has a stable ``code`` for machines beside its sentence."""

from __future__ import annotations


class DatabaseError(Exception):
    """Base of everything this package raises on purpose."""

    code = "database_error"


class DatabaseUnavailable(DatabaseError):
    """The database cannot be reached, or did not answer in time. Trying again later may help.

    A write that ended in this may have been done all the same: only the answer is missing.
    """

    code = "database_unavailable"


class StatementRefused(DatabaseError):
    """The database answered, and refused: a constraint does not hold, or a statement of ours is wrong.

    It takes the place of the driver's error, which quotes values (also whole rows, with their hashes).
    """

    code = "statement_refused"


class DatabaseUrlInvalid(DatabaseError):
    """``database.url`` names no database that Burrow can use. The sentence never shows a password."""

    code = "database_url_invalid"


class SchemaMismatch(DatabaseError):
    """The tables are not the ones this version needs; the sentence says what to do."""

    code = "schema_mismatch"


class EmailTaken(DatabaseError):
    """Another account has this email address."""

    code = "email_taken"


class UnknownUser(DatabaseError):
    """No such account."""

    code = "unknown_user"
