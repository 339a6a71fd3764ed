"""In: Slack. Listeners acknowledge, parse, ask policy, hand over and answer; nothing more."""
