"""Accounts for what the node uses: its CPU time, and what is used outside of the recorded cgroups."""
