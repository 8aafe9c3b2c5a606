"""The paper's figures for any two pictures: what to restyle and how to lay the results out."""
