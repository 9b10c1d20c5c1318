"""Reads single processes of containers: more rarely than cgroups, and without delaying the containers."""
