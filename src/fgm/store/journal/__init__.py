"""Journals: the window that is being recorded, one frame per tick, readable up to the last complete frame."""
