"""What people type, checked and brought into one form. All raise :class:`BadRequest`."""

from __future__ import annotations

import unicodedata

import email_validator
from email_validator import EmailNotValidError, validate_email

from signaling.errors import BadRequest

# An address is what one logs in with; no mail is sent there. So names that only an intranet knows (.local)
# are as good as others. This is the library's documented way to say so.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

EMAIL_MAX_CHARS = 254
NAME_MAX_CHARS = 40
PASSWORD_MIN_CHARS = 8
PASSWORD_MAX_CHARS = 256
TAG_MAX_CHARS = 32
TAGS_MAX = 10


def email_address(text: str) -> str:
    """The one spelling of an address: NFC, domain decoded, all of it in lower case.

    Case is folded in the local part too, which RFC 5321 section 2.4 leaves to the receiving host: mail is
    never sent there, and nobody's provider tells two such addresses apart. Intranet domains are allowed.
    """
    problem = BadRequest("This is not an email address.", details={"field": "email"})
    if len(text) > EMAIL_MAX_CHARS:
        raise problem
    try:
        valid = validate_email(text.strip(), check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise problem from error
    folded = unicodedata.normalize("NFC", valid.normalized.casefold())
    if len(folded) > EMAIL_MAX_CHARS:
        raise problem
    return folded


def password(text: str) -> str:
    """A password, NFC (RFC 8265 section 4.2.2): keyboards spell the same character in different ways."""
    if not PASSWORD_MIN_CHARS <= len(text) <= PASSWORD_MAX_CHARS:
        raise BadRequest(
            f"A password has {PASSWORD_MIN_CHARS} to {PASSWORD_MAX_CHARS} characters.",
            details={"field": "password", "min": PASSWORD_MIN_CHARS, "max": PASSWORD_MAX_CHARS},
        )
    return unicodedata.normalize("NFC", text)


def display_name(text: str) -> str:
    """A name to show a stranger: one line, something visible in it, nothing that turns or hides text."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not 1 <= len(name) <= NAME_MAX_CHARS or not _showable(name):
        raise BadRequest(
            f"A name has 1 to {NAME_MAX_CHARS} visible characters.",
            details={"field": "name", "min": 1, "max": NAME_MAX_CHARS},
        )
    return name


def tags(field: str, texts: tuple[str, ...]) -> tuple[str, ...]:
    """Interests or languages: trimmed, lower case, each once, in the order given."""
    found: dict[str, None] = {}
    for text in texts:
        tag = " ".join(unicodedata.normalize("NFC", text).casefold().split())
        if not 1 <= len(tag) <= TAG_MAX_CHARS or not _showable(tag):
            raise BadRequest(
                f"A tag has 1 to {TAG_MAX_CHARS} visible characters.",
                details={"field": field, "min": 1, "max": TAG_MAX_CHARS},
            )
        found[tag] = None
    if len(found) > TAGS_MAX:
        raise BadRequest(f"At most {TAGS_MAX} tags.", details={"field": field, "max": TAGS_MAX})
    return tuple(found)


def _showable(text: str) -> bool:
    """No control, surrogate, private or unassigned character, no invisible one but the joiners that scripts
    and emoji need, and at least one that can be seen."""
    visible = False
    for character in text:
        category = unicodedata.category(character)
        if category.startswith("C") and character not in "\u200c\u200d":
            return False
        visible = visible or category[0] in "LNPS"
    return visible
