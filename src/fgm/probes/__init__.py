"""Answers the probes of the kubelet, on an address of their own."""
