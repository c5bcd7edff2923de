"""Training schemes. They wrap, never inherit; targets of unlabelled items are not reachable from here."""
