"""Commands on this machine and on data directories: `fgm run`, `fgm check` and `fgm stat`."""
