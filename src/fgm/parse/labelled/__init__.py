"""Parsers of kernel files to labelled values: several values of a metric, one for each disk or resource."""
