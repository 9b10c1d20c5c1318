"""The collector: turns kernel files into ticks, and ticks into the files of the data directory."""
