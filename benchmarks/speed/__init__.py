"""How fast the parts are, each with a floor it must not fall below."""
