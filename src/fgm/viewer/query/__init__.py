"""Computes the results of queries from files, as arrays; knows neither HTTP nor JSON."""
