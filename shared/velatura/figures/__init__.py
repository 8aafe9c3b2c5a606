"""The figures of the paper for any photo and painting, and their layout on a sheet."""
