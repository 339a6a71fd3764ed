"""What `doctor` examines: facts that gateways read -> findings with a remedy each. Pure."""
