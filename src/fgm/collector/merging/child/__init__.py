"""What the child process does: it merges the files of a job, and restrains itself."""
