"""HTTP without a framework and without numpy."""
