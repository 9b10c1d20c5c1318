"""The journal of the open window: one frame for each tick."""
