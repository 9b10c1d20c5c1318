"""Runs of the tests at the end of a year, on a leap day, and while clocks are set forward or back."""
