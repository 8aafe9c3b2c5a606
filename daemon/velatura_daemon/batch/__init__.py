"""Restyling many pictures through the daemon: finding the pictures, skipping finished ones, running several at a
time, and the contact sheet at the end."""
