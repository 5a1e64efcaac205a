"""What would steer a terminal is written out, and nothing else is changed."""

import unicodedata

import pytest

from judges.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("a\u202egnp.exe", r"a\u202egnp.exe"),
        ("\x9b31m", r"\x9b31m"),
        ("over\rwritten\x08\x07", r"over\x0dwritten\x08\x07"),
        ("\u2066\u2069\u200f\u061c", r"\u2066\u2069\u200f\u061c"),
        ("half \udc80", r"half \udc80"),
        ("two\u2028lines", r"two\u2028lines"),
        ("a\tb\nc", "a\tb\nc"),
        ("naïve 日本 👩\u200d🔬 [red] \\x1b", "naïve 日本 👩\u200d🔬 [red] \\x1b"),
    ],
)
def test_controls_are_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown


def test_no_control_of_unicode_is_left() -> None:
    every = "".join(map(chr, range(0x110000)))
    left = {c for c in printable(every) if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs")}
    assert left == {"\t", "\n"}
    directed = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    assert not [c for c in printable(every) if unicodedata.bidirectional(c) in directed]
