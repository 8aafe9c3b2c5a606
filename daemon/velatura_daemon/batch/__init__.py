"""A folder of pictures through the daemon: which they are, what was done before, several at once, a sheet at the
end."""
