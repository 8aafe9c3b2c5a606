"""Load test: many real clients at one real daemon for a long time. `make soak SECONDS=…`, and a short form in every
`make test`."""
