"""A package, so that it is found before the `tests` that a wheel of somebody else may put beside all packages."""
