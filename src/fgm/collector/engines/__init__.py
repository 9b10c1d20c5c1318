"""Follows Docker, Podman and OCI bundles for the names, images and labels of containers without Kubernetes."""
