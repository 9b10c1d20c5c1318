"""Questions to viewers on this machine: what happened in a minute, ranked over all of them, in words."""
