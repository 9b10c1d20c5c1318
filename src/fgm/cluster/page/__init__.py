"""The page of a cluster: its server on this machine, and what it asks the nodes when the page wants it."""
