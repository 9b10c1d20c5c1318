"""The daemon that records: kernel files to ticks, ticks to the data directory."""
