"""Studies of single series, which a dashboard asks for: the trend, the levels between changes, or the period."""
