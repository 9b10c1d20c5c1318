"""Problems: the JSON bodies of error responses.

Source: RFC 9457.
"""

import json
from http import HTTPStatus

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818 - the name that RFC 9457 gives it
    """Raised to respond to a request with an error status.

    `detail`: what is wrong. `parameter`: name of the wrong parameter or header. `allowed`: description of allowed
    values.
    """

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
        """Return the JSON body. It has `parameter` and `allowed` only if they are not None."""
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
        """Return the headers of the response, including Allow and Retry-After if they apply."""
        headers = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"}
        if self.status is HTTPStatus.METHOD_NOT_ALLOWED and self.allowed is not None:
            headers["Allow"] = self.allowed
        if self.retry_after_s is not None:
            headers["Retry-After"] = str(self.retry_after_s)
        return headers


def bad_parameter(parameter: str, detail: str, allowed: str) -> Problem:
    """Return a problem with status 400: the value of a parameter is not allowed."""
    return Problem(HTTPStatus.BAD_REQUEST, detail, parameter=parameter, allowed=allowed)


def unknown(parameter: str, noun: str, value: str, allowed: str) -> Problem:
    """Return a problem with status 404: the value has the right form, but nothing has this name.

    `noun`: the kind of thing that the value should name, such as "series".
    """
    return Problem(HTTPStatus.NOT_FOUND, f"there is no {noun} {value!r}", parameter=parameter, allowed=allowed)


def not_ready(state: str, retry_after_s: int) -> Problem:
    """Return a problem with status 503: the viewer is still starting. `state`: the state of its start-up."""
    detail = f"the viewer is {state}; see /api/health"
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, retry_after_s=retry_after_s)
