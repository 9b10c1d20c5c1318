"""OOM kills: which container they belong to, how many processes died, and whose limit was reached."""
