"""The tools: each asks the viewers of the chosen nodes, and answers in words within a number of tokens."""
