"""Which weights, where from, checked how."""
