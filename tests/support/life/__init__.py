"""Half an hour of a made node: ordinary life of many kinds, planted incidents, and the physics that joins them."""
