"""Pure functions on arrays: no ids, no models, no state. Shapes: n items, k posterior samples, c classes, d features.

Scores: higher = more wanted. Accumulation is float64 whatever the input. Ties go to the lower row, so callers pass
rows in canonical id order.
"""
