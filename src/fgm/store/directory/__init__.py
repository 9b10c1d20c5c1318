"""Names, folders, locks and identities of files, and changes that are there as a whole or not at all."""
