"""The Web API, one module per family."""
