"""What the shop's people have been committing: titles for the default branch and for features."""

MAIN = (
    "Cache lookups for a minute",
    "Retry once when the database fails over",
    "Log the request id with every error",
    "Bump the base image",
    "Count slow queries",
    "Return 404 instead of an empty page",
    "Drop the unused v1 endpoints",
    "Validate quantities before saving",
    "Fix the time zone of daily totals",
    "Speed up start by loading settings lazily",
    "Show the version on the health page",
    "Raise the memory limit to 256 MiB",
    "Handle an empty basket",
    "Move feature flags to the config map",
    "Close connections on SIGTERM",
    "Use the shared client for timeouts",
)

FEATURES: dict[str, dict[str, tuple[str, ...]]] = {
    "feat/checkout": {
        "frontend": ("Show the delivery date at checkout", "Ask for the address only once"),
        "cart": ("Keep the basket through sign-in",),
        "checkout": ("Offer express payment", "Confirm by e-mail", "Fold three pages into one"),
    },
    "feat/search-facets": {
        "search": ("Facets by brand and colour", "Count facets in one query"),
        "catalog": ("Publish attributes for facets",),
    },
    "fix/cart-rounding": {"cart": ("Round totals half to even",)},
    "feat-checkout": {"payments": ("Try the new checkout contract",)},
}
