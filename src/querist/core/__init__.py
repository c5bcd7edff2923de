"""The ground everything stands on: records, contracts, errors, random streams, specs, the catalogue. Free of torch."""
