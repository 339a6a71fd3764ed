"""Block Kit as Slack checks it, per surface. Pure: dicts in, complaints out."""
