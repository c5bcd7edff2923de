"""Where items come from: pools, labels files, splits and named data sets. Free of torch at import."""
