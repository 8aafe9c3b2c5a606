"""Picture files, pixel formats and contact sheets."""
