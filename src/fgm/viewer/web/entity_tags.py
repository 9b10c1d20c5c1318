"""Entity tags (ETag): a client that already has a response gets status 304 instead of the same response again."""

import hashlib


def of_bytes(*parts: bytes) -> str:
    """Return the entity tag for content that consists of these parts: their hash, in quotes."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return f'"{digest.hexdigest()[:32]}"'


def matches(if_none_match: str | None, etag: str) -> bool:
    """Return whether the value of an If-None-Match request header contains this tag, as a strong or a weak tag.

    Source: RFC 9110, section 13.1.2.
    """
    named = (if_none_match or "").replace("W/", "").replace(" ", "").split(",")
    return etag in named or named == ["*"]
