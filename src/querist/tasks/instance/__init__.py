"""Objects with a class, a box and a mask each."""
