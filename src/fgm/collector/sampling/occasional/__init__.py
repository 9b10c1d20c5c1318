"""Reads files every ten seconds, a few series at each tick; a value stands only in the row of the tick that read it."""
