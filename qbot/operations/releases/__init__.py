"""Promotions and rollbacks: from a request to a stage that runs other versions."""
