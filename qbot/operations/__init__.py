"""Durable work: the engine and one module per operation. Speaks to ports only."""
