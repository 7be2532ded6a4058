"""The terms a user accepts at entry. Change ``auth.terms_version`` when the text changes."""

from __future__ import annotations

TEXT = """\
Burrow introduces you to strangers for a video chat.

1. You are at least 18 years old.
2. You show and say nothing that is illegal, sexual, hateful or meant to harm, and you don't record others \
without their consent.
3. The person you meet is a stranger. Don't tell them what a stranger should not know.
4. Sound, picture and chat go to the person you meet and are not stored. Stored are your account, when you \
met whom, how the connection went, and reports and blocks.
5. Who breaks these rules can be reported, and be shut out.
"""
