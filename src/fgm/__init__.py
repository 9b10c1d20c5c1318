"""A fine-grained monitor for the containers of one Kubernetes node."""

__version__ = "0.1.0"
