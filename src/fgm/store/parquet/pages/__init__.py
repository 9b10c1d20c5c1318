"""Pages of column chunks: where they are in their file, and what is in them."""
