"""What happened, as it follows from ticks alone: for the collector, and for a reader of samples without events."""
