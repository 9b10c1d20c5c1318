"""Files of minutes: of each metric and series the lowest, mean, highest and last value of each minute."""
