"""The lowerings, ops of a kind in one module; every module here is imported and registers its own."""
