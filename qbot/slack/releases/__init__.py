"""What people type and press about stages: promotions, approvals, freezes, locks and holds."""
