"""The process that waits for a question while the viewer sleeps; imports only parts of the standard library."""
