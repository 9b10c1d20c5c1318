"""Follows the Kubernetes API for the names, labels, limits and exits of this node's containers."""
