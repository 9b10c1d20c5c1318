"""Errors of the Kubernetes API."""


class ApiError(Exception):
    """Raised when a request fails. `status`: HTTP status; None if there was no response."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        self.status = status
        super().__init__(reason)


class StreamError(ApiError):
    """Raised when a watch stream is malformed."""


class SilenceError(ApiError):
    """Raised when no event of a watch stream arrives within the timeout."""
