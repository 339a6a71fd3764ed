"""Out: one module or package per vendor, turned into domain words at the edge."""
