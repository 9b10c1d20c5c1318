"""Incident packs: the format of the HTML file that keeps the data, answers and page of an incident."""
