"""The heart: one durable project with the verbs ask, tell and update, and the policies around them. Free of torch."""
