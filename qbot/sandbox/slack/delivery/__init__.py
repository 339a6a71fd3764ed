"""From Slack to the app: commands, clicks, submissions and events, over HTTP or a socket."""
