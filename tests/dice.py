"""Chance that is the same in every run of a test."""

import random


class Dice(random.Random):
    """Seeded; never for a secret."""
