"""Commands of `fgm` that answer from recorded data as the viewer does, without serving a page."""
