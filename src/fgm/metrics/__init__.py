"""The catalogue of recorded metrics, the metrics that are derived from them, and the rates of counters."""
