"""Statistics computed on the learner's side: one streaming pass over items, chunked by activation bytes."""
