"""Promotions, rollbacks and what stands in their way, as Slack shows them."""
