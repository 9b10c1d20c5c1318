"""Keeps kernel files open, reads them whole and listens for changes to them."""
