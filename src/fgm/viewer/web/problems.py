"""Responses to requests that cannot be answered: JSON problems.

Source: RFC 9457.
"""

import json
from http import HTTPStatus

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818 - the name that RFC 9457 gives it
    """Raised when a request cannot be answered; holds what was wrong and what is allowed."""

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
        """Return the response body of RFC 9457, with the parameter and the allowed values if they are known."""
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
        """Return the response headers that go with the body."""
        headers = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"}
        if self.status is HTTPStatus.METHOD_NOT_ALLOWED and self.allowed is not None:
            headers["Allow"] = self.allowed
        if self.retry_after_s is not None:
            headers["Retry-After"] = str(self.retry_after_s)
        return headers


def bad_parameter(parameter: str, detail: str, allowed: str) -> Problem:
    """Return the problem of a parameter with a value that is not allowed."""
    return Problem(HTTPStatus.BAD_REQUEST, detail, parameter=parameter, allowed=allowed)


def unknown(parameter: str, noun: str, value: str, allowed: str) -> Problem:
    """Return the problem of a valid value that names nothing here. `noun`: what it should be the name of."""
    return Problem(HTTPStatus.NOT_FOUND, f"there is no {noun} {value!r}", parameter=parameter, allowed=allowed)


def not_ready(state: str, retry_after_s: int) -> Problem:
    """Return the problem of a request that arrived before the viewer could answer it. `state`: of its start-up."""
    detail = f"the viewer is {state}; see /api/health"
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, retry_after_s=retry_after_s)
