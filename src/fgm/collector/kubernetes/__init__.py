"""What the Kubernetes API says of this node's pods: names, labels, limits, and why containers ended."""
