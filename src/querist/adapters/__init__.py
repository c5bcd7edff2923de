"""Other tools and files: answers, queries, statistics of outside models, exports. No logic of their own."""
