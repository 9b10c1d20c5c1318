"""What is measured: the catalogue of recorded metrics, and what is derived from them when reading."""
