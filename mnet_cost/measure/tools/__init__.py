"""What tools of others print about a run elsewhere, as measurements."""
