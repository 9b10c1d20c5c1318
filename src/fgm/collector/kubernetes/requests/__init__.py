"""Requests to the API server and to the kubelet: addresses, connections, and the pods in their responses."""
