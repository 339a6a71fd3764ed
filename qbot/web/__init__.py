"""In: HTTP. Slack's HTTP mode on one port; health and metrics on another that writes nothing."""
