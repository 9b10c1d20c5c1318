"""Computes answers from files, as arrays; knows neither HTTP nor JSON."""
