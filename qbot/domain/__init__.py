"""What Qbot knows and decides. Pure: no await, no vendor, no clock, no randomness."""
