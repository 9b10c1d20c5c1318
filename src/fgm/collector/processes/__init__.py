"""Reads single processes of containers, less often than cgroups and without delaying the containers."""
