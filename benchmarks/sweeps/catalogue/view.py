"""What a request shows: the whole image sharper, or a part of it that the policy cuts out."""

from benchmarks.sweeps.catalogue.definitions import Point, Sweep

VIEW = Sweep(
    "view",
    "Does a policy that may cut out a part see as much for fewer visual tokens as one that gets "
    "the whole image sharper?",
    (
        Point("resize", {"env.tools": ("resize",)}),
        Point("crop", {"env.tools": ("crop",)}),
        Point("both", {"env.tools": ("resize", "crop")}),
    ),
    {"engine.max_new_tokens": 40},
)
"""It wants a model that knows how to crop (``--engine.model_dir``); the embedded one does not. A
call with its box has more tokens than the embedded model's turns are allowed otherwise."""
