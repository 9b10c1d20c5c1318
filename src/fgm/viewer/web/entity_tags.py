"""Entity tags, with which a client that has a response already does not get it a second time."""

import hashlib


def of_bytes(*parts: bytes) -> str:
    """Return the tag of a content that consists of these parts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return f'"{digest.hexdigest()[:32]}"'


def matches(if_none_match: str | None, etag: str) -> bool:
    """Return whether a request header If-None-Match names this tag; a weak tag counts as the same.

    Source: RFC 9110, section 13.1.2.
    """
    named = (if_none_match or "").replace("W/", "").replace(" ", "").split(",")
    return etag in named or named == ["*"]
