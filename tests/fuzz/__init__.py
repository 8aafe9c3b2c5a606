"""Fuzzing: `make fuzz` guided by coverage (atheris), and a short form for every `make test` that needs nothing but
Python."""
