"""Picture files and contact sheets."""
