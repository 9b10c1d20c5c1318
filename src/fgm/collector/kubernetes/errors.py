"""What goes wrong between us and the Kubernetes API."""


class ApiError(Exception):
    """Raised where the API does not answer as it should. `status`: of HTTP, None where it did not come to that."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        self.status = status
        super().__init__(reason)


class StreamError(ApiError):
    """Raised where a stream says what is no event."""
