"""Another daemon as an executor: found by its connection file, or on another machine through ssh."""
