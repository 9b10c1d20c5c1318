"""What an answer says when there is none: a JSON problem (RFC 9457), never a stack trace."""

import json
from http import HTTPStatus

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818 - the name of the format
    """Raised when a request cannot be answered as it was asked; says what was wrong and what is allowed."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        parameter: str | None = None,
        allowed: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.parameter, self.allowed, self.retry_after_s = parameter, allowed, retry_after_s

    def body(self) -> bytes:
        """Return the JSON."""
        facts: dict[str, object] = {
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
        }
        if self.parameter is not None:
            facts["parameter"] = self.parameter
        if self.allowed is not None:
            facts["allowed"] = self.allowed
        return json.dumps(facts).encode()

    def headers(self) -> dict[str, str]:
        """Return the headers that belong to it."""
        headers = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"}
        if self.status is HTTPStatus.METHOD_NOT_ALLOWED and self.allowed is not None:
            headers["Allow"] = self.allowed
        if self.retry_after_s is not None:
            headers["Retry-After"] = str(self.retry_after_s)
        return headers


def bad_parameter(parameter: str, detail: str, allowed: str) -> Problem:
    """Return the problem of a parameter whose value is not allowed."""
    return Problem(HTTPStatus.BAD_REQUEST, detail, parameter=parameter, allowed=allowed)


def unknown(parameter: str, noun: str, value: str, allowed: str) -> Problem:
    """Return the problem of a well-formed value that names nothing here; `noun`: what it should name."""
    return Problem(HTTPStatus.NOT_FOUND, f"there is no {noun} {value!r}", parameter=parameter, allowed=allowed)


def not_ready(state: str, retry_after_s: int) -> Problem:
    """Return the problem of a request that came before there was anything to answer from."""
    detail = f"the viewer is {state}; /api/health says what it waits for"
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, retry_after_s=retry_after_s)
