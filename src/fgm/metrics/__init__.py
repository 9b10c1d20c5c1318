"""The catalogue of recorded metrics, rates, and the metrics derived from them."""
