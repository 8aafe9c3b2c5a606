"""The windows' logic that both editors share, without a toolkit: from the click on Restyle to the new layer."""
