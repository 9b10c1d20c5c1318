"""kubectl as a child process, what it prints, and what its messages mean."""
