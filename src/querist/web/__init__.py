"""The labelling page and its HTTP interface: clients of a project's verbs and nothing else. Free of torch."""
