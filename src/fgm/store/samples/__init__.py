"""The shape of recorded samples: series, file header and chunk."""
