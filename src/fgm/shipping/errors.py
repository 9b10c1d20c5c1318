"""What can go wrong when files are shipped. The texts say why, without credentials."""


class ShipError(Exception):
    """The destination cannot be used, or a transfer failed."""


class RefusedError(ShipError):
    """The store answered, and refused this one object; others may be possible."""


class SharedPartitionError(ShipError):
    """Another data directory ships files under the same cluster, day and identifier."""
