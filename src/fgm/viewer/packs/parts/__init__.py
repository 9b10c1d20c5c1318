"""Parts of a pack for the page inside of it: readings of processes and labelled values, from tables."""
