"""Replaces the names, ids, images, labels and paths of a recording with pseudonyms, by rules. Pure."""
