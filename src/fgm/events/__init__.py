"""Events, derived from ticks alone: by the collector as it records, and by the viewer for data without event files."""
