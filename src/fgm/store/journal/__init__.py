"""The window that is being recorded: one frame for each tick, readable up to the last whole frame."""
