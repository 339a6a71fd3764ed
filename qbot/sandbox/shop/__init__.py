"""The world that the sandbox shows: a web shop, its people, services, charts and branches."""
