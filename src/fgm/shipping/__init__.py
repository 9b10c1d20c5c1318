"""`fgm ship`: sends merged files of a data directory to object storage, each once, and checks what has arrived."""
