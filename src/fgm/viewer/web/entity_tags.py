"""Entity tags: a client that has an answer already is told so, and gets no second copy."""

import hashlib


def of_bytes(*parts: bytes) -> str:
    """Return the tag of some content."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return f'"{digest.hexdigest()[:32]}"'


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Say whether the request header If-None-Match names this tag; weak tags count (RFC 9110, 13.1.2)."""
    known = (if_none_match or "").replace("W/", "").replace(" ", "").split(",")
    return etag in known or known == ["*"]
