"""Opens packs for a viewer: unpacks their data into a data directory, and checks all of it."""
