"""The price of visual tokens, which the default reward has in place of a penalty."""

from benchmarks.sweeps.catalogue.definitions import Point, Sweep

PRICE = Sweep(
    "price",
    "How dear may visual tokens be before a policy no longer asks where it needs to?",
    tuple(
        Point(f"price{price:g}", {"rewards.price": price})
        for price in (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)
    ),
)
