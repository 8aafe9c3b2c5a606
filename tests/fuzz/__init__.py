"""Fuzzing: `make fuzz` is guided by coverage (atheris); a short form in every `make test` needs only Python."""
