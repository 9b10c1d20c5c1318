"""What single processes use, at a slower rhythm than the cgroups and never at the cost of those who are watched."""
