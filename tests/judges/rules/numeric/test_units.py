"""Units: the table says what `pint` says, and words that are no units are none."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from judges.rules.numeric.unit_table import UNITS
from judges.rules.numeric.units import find_unit, same_dimension

pint = pytest.importorskip("pint")
# Our base units in those of pint: gram and byte are bases here.
BASES = {
    "length": "meter",
    "mass": "gram",
    "time": "second",
    "current": "ampere",
    "temperature": "kelvin",
    "amount": "mole",
    "angle": "degree",
    "data": "byte",
    "luminosity": "candela",
}
# Names that pint spells otherwise; None: it has no such unit.
SPELLED = {
    "Å": "angstrom",
    "mcg": "microgram",
    "d": "day",
    "h": "hour",
    "min": "minute",
    "mm Hg": "mmHg",
    "nmi": "nautical_mile",
    "kt": "knot",
    "kn": "knot",
    "kph": "km/hour",
    "mph": "mile/hour",
    "cal": "calorie",
    "kcal": "kilocalorie",
    "oz": "ounce",
    "sqft": "foot**2",
    "acre": "acre",
    "cc": "cm**3",
    "psi": "psi",
    "rpm": "revolution/minute",
    "molar": "mole/liter",
    "bit": "bit",
    "ly": "light_year",
    "gal": "gallon",
    "bps": "bit/second",
}
NAMES = (
    "m cm mm km nm µm in ft yd mi g kg mg lb t s ms hour week Hz kHz MHz GHz N kN Pa kPa MPa hPa "
    "bar atm psi J kJ MJ kcal kWh eV W kW MW mW V mV kV Ω kΩ A mA µA K mol mmol T mT F µF H Wb C "
    "L mL rad ha mph kph knot cd bit byte kB MB GB rpm cc acre gal sqft torr mmHg"
)
PLAIN = NAMES.split()


@pytest.fixture(scope="module")
def registry() -> Any:
    return pint.UnitRegistry()


@pytest.mark.parametrize("name", PLAIN)
def test_factors_are_those_of_pint(registry: Any, name: str) -> None:
    (unit, *_) = find_unit(name)
    if name == "C":
        unit = UNITS["C"]
    theirs = registry.Quantity(1, SPELLED.get(name, name))
    base = registry.Quantity(1)
    for dimension, power in unit.dimension:
        base = base * registry.Quantity(1, BASES[dimension]) ** power
    expected = (theirs / base).to("dimensionless").magnitude
    assert float(unit.factor) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("km/h", "kilometers per hour"),
        ("km/h", "kph"),
        ("mph", "miles per hour"),
        ("cm2", "square centimeters"),
        ("cm^2", "square centimetres"),
        ("m^3", "cubic meters"),
        ("m/s^2", "m s^-2"),
        ("m/s^2", "meters per second squared"),
        ("M", "mol/L"),
        ("mL", "cm^3"),
        ("J", "N m"),
        ("Hz", "s^-1"),
        ("mcg", "µg"),
        ("mcg", "μg"),
        ("米", "m"),
        ("元", "yuan"),
        ("%", "percentage points"),
        ("℃", "degrees celsius"),
        ("N", "newtons"),
        ("T", "tesla"),
        ("K", "kelvin"),
    ],
)
def test_one_unit_in_two_spellings(left: str, right: str) -> None:
    ours, theirs = find_unit(left)[0], find_unit(right)[0]
    assert same_dimension(ours, theirs)
    assert ours.factor == pytest.approx(theirs.factor)
    assert ours.offset == theirs.offset


@pytest.mark.parametrize(
    "text",
    ["cats", "people", "dots", "boats", "apples", "", "x", "pm", "per", "m m m ?", "/", "^2"],
)
def test_words_are_no_units(text: str) -> None:
    assert find_unit(text) == ()


def test_a_letter_may_mean_two_things() -> None:
    assert len({unit.dimension for unit in find_unit("C")}) == 2
    assert len({unit.factor for unit in find_unit("calories")}) == 2
    assert find_unit("Mb")[0].factor == find_unit("MB")[0].factor / Decimal(8)
