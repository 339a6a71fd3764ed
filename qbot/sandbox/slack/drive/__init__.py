"""`/drive/*`: what people do in Slack, and what they see."""
