"""Yes or no for two things."""
