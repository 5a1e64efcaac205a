"""Units, currencies and magnitude words that answers carry, as data."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measurement.

    Attributes:
        dimension: What it measures, such as ``"length"``; units compare within a dimension.
        factor: How many base units of the dimension one of it is.
    """

    dimension: str
    factor: Decimal


# dimension -> {factor to the base unit: names}. Single letters are looked up with their case.
_TABLE: dict[str, dict[str, str]] = {
    "length": {
        "1": "m meter metre meters metres",
        "0.01": "cm centimeter centimetre centimeters centimetres",
        "0.001": "mm millimeter millimetre millimeters millimetres",
        "1000": "km kilometer kilometre kilometers kilometres",
        "0.0254": 'in inch inches "',
        "0.3048": "ft foot feet '",
        "0.9144": "yd yard yards",
        "1609.344": "mi mile miles",
    },
    "mass": {
        "1": "g gram grams gramme grammes",
        "0.001": "mg milligram milligrams",
        "1000": "kg kilogram kilograms kilo kilos",
        "1000000": "t tonne tonnes",
        "453.59237": "lb lbs pound-mass",
        "28.349523125": "oz ounce ounces",
    },
    "time": {
        "1": "s sec secs second seconds",
        "0.001": "ms millisecond milliseconds",
        "60": "min mins minute minutes",
        "3600": "h hr hrs hour hours",
        "86400": "day days",
        "604800": "week weeks",
        "2629746": "month months",
        "31556952": "year years yr yrs",
    },
    "volume": {
        "1": "l L liter litre liters litres",
        "0.001": "ml mL milliliter millilitre milliliters millilitres",
    },
    "area": {"1": "m^2 m2 sqm square_meters", "1000000": "km^2 km2", "0.0001": "cm^2 cm2"},
    "speed": {"1": "m/s mps", "0.2777777777777777778": "km/h kph kmh", "0.44704": "mph"},
    "power": {"1": "W watt watts", "1000": "kW kilowatts kilowatt", "1000000": "MW", "0.001": "mW"},
    "voltage": {"1": "V volt volts", "0.001": "mV", "1000": "kV"},
    "frequency": {"1": "Hz hertz", "1000": "kHz", "1000000": "MHz", "1000000000": "GHz"},
    "data": {
        "1": "B byte bytes",
        "1000": "kB KB kilobyte kilobytes",
        "1000000": "MB megabyte megabytes",
        "1000000000": "GB gigabyte gigabytes",
        "1000000000000": "TB terabyte terabytes",
    },
    "angle": {"1": "° deg degree degrees"},
    "celsius": {"1": "°C °c celsius degrees_celsius C"},
    "fahrenheit": {"1": "°F °f fahrenheit degrees_fahrenheit F"},
    "percent": {"1": "% percent per_cent pct percents"},
}

UNITS: dict[str, Unit] = {
    name.replace("_", " "): Unit(dimension, Decimal(factor))
    for dimension, rows in _TABLE.items()
    for factor, names in rows.items()
    for name in names.split()
}

CURRENCIES: dict[str, Unit] = {
    name: Unit(f"currency {code}", Decimal(1))
    for code, names in {
        "USD": "$ us$ usd dollar dollars",
        "EUR": "€ eur euro euros",
        "GBP": "£ gbp pound pounds",
        "JPY": "¥ jpy yen",
        "INR": "₹ inr rs rupee rupees",
        "KRW": "₩ krw won",
    }.items()
    for name in names.split()
} | dict.fromkeys(("¢", "cent", "cents"), Unit("currency USD", Decimal("0.01")))

MAGNITUDES: dict[str, Decimal] = {
    name: Decimal(10) ** power
    for power, names in {
        2: "hundred",
        3: "thousand k",
        5: "lakh",
        6: "million mn m",
        7: "crore",
        9: "billion bn b",
        12: "trillion tn t",
    }.items()
    for name in names.split()
} | {"dozen": Decimal(12)}
