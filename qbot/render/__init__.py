"""Domain values -> Block Kit. Pure; every Slack limit and every escape lives here."""
