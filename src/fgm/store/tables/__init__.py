"""Process and region tables of the window that is being recorded."""
