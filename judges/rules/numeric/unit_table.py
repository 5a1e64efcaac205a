"""Units, currencies and magnitude words that answers carry, as data."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal

_EXACT = Context(prec=50, traps=[])

Dimension = tuple[tuple[str, int], ...]
"""Base dimensions and their powers, sorted by name; empty for a pure number."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measurement.

    Attributes:
        dimension: What it measures, such as ``(("length", 1),)``; units compare within it.
        factor: How many base units of the dimension one of it is.
        offset: What is added before the factor applies; 0 but for degrees of temperature.
    """

    dimension: Dimension
    factor: Decimal
    offset: Decimal = Decimal(0)

    @property
    def percent(self) -> bool:
        """True for percent and percentage points."""
        return self.dimension == _PERCENT

    @property
    def temperature(self) -> bool:
        """True for kelvin and the degrees of temperature."""
        return self.dimension == _TEMPERATURE

    @property
    def bare_degree(self) -> bool:
        """True for degrees, of an angle or of an unnamed scale of temperature."""
        return self.dimension == _ANGLE and self.factor == 1


_PERCENT: Dimension = (("percent", 1),)
_TEMPERATURE: Dimension = (("temperature", 1),)
_ANGLE: Dimension = (("angle", 1),)

# Dimension -> {factor to the base unit: names}. Base units: metre, gram, second, ampere, kelvin,
# mole, degree, byte. Symbols are looked up with their case; "_" stands for a space.
_PLAIN: dict[str, dict[str, str]] = {
    "length": {
        "0.0254": 'in inch inches "',
        "0.3048": "ft foot feet '",
        "0.9144": "yd yds yard yards",
        "1609.344": "mi mile miles",
        "1852": "nmi nautical_mile nautical_miles 海里",
        "1e-10": "Å angstrom angstroms",
        "1": "米 メートル 미터",
        "0.01": "厘米 公分 センチ",
        "0.001": "毫米",
        "1000": "公里 千米 キロ",
        "1e-6": "micron microns",
        "9.4607304725808e15": "light-year light-years light_year light_years ly",
    },
    "mass": {
        "1000000": "t tonne tonnes metric_ton metric_tons 吨",
        "453.59237": "lb lbs pound-mass",
        "28.349523125": "oz ounce ounces",
        "1000": "kilo kilos 千克 公斤",
        "1": "克 gramme grammes",
        "500": "斤",
        "1e-6": "mcg",
    },
    "time": {
        "1": "sec secs 秒",
        "60": "min mins minute minutes 分钟 分 분",
        "3600": "h hr hrs hour hours 小时 時間 시간",
        "86400": "d day days 天 日",
        "604800": "week weeks wk wks 周",
        "2629746": "month months 个月 か月",
        "31556952": "year years yr yrs 年",
    },
    "length^3": {
        "0.003785411784": "gal gallon gallons",
        "0.000001": "cc",
        "0.001": "升",
    },
    "length^2": {
        "10000": "ha hectare hectares 公顷",
        "4046.8564224": "acre acres",
        "1": "sqm 平方米",
        "1000000": "平方公里 平方千米",
        "0.0001": "平方厘米",
        "0.09290304": "sqft",
    },
    "length time^-1": {
        "0.44704": "mph",
        "1000/3600": "kph kmh kmph",
        "1852/3600": "kn knot knots kt kts",
    },
    # Pascal is 1000 g m^-1 s^-2, since the base unit of mass is the gram.
    "mass length^-1 time^-2": {
        "101325000": "atm atmosphere atmospheres",
        "100000000": "bar",
        "133322.387415": "mmHg mm_Hg torr",
        "6894757.293168": "psi",
    },
    "mass length^2 time^-2": {
        "4184000": "kcal kilocalorie kilocalories Cal 千卡",
    },
    "temperature": {"1": "kelvin kelvins"},
    "angle": {
        "1": "° deg degs degree degrees 度",
        "57.29577951308232087679815481": "rad radian radians",
        "360": "revolution revolutions",
    },
    "angle time^-1": {"6": "rpm"},
    "amount length^-3": {"1000": "molar"},
    "data": {"0.125": "bit bits", "1": "byte bytes"},
    "percent": {
        "1": "% percent per_cent pct percents percentage percentage_points percentage_point pp "
        "percentage-point percentage-points"
    },
}
# Units that take SI prefixes: dimension, factor, symbols, words.
_PREFIXED: tuple[tuple[str, str, str, str], ...] = (
    ("length", "1", "m", "meter metre"),
    ("mass", "1", "g", "gram"),
    ("time", "1", "s", "second"),
    ("current", "1", "A", "ampere amp"),
    ("temperature", "1", "K", ""),
    ("amount", "1", "mol", "mole"),
    ("amount length^-3", "1000", "M", ""),
    ("length^3", "0.001", "L l", "liter litre"),
    ("time^-1", "1", "Hz", "hertz"),
    ("mass length time^-2", "1000", "N", "newton"),
    ("mass length^-1 time^-2", "1000", "Pa", "pascal"),
    ("mass length^2 time^-2", "1000", "J", "joule"),
    ("mass length^2 time^-2", "4184", "cal", "calorie"),
    ("mass length^2 time^-2", "3600000", "Wh", "watt-hour watthour"),
    ("mass length^2 time^-2", "1.602176634e-16", "eV", "electronvolt"),
    ("mass length^2 time^-3", "1000", "W", "watt"),
    ("mass length^2 time^-3 current^-1", "1000", "V", "volt"),
    ("mass length^2 time^-3 current^-2", "1000", "Ω Ohm", "ohm"),
    ("current time", "1", "C", "coulomb"),
    ("mass^-1 length^-2 time^4 current^2", "0.001", "F", "farad"),
    ("mass time^-2 current^-1", "1000", "T", "tesla"),
    ("mass length^2 time^-2 current^-2", "1000", "H", "henry"),
    ("mass length^2 time^-2 current^-1", "1000", "Wb", "weber"),
    ("data", "1", "B", "byte"),
    ("data", "0.125", "b", "bit"),
    ("data time^-1", "0.125", "bps", ""),
    ("luminosity", "1", "cd", "candela"),
    ("flux", "1", "lm", "lumen"),
    ("illuminance", "1", "lx", "lux"),
    ("level", "1", "dB", "decibel"),
)
_PREFIXES = {
    "p": ("pico", -12),
    "n": ("nano", -9),
    "u": ("micro", -6),
    "µ": ("micro", -6),
    "μ": ("micro", -6),
    "m": ("milli", -3),
    "c": ("centi", -2),
    "d": ("deci", -1),
    "h": ("hecto", 2),
    "k": ("kilo", 3),
    "M": ("mega", 6),
    "G": ("giga", 9),
    "T": ("tera", 12),
}
_RARE_PREFIXES = {"c": "mLl", "d": "mLl", "h": "PaLl", "T": "BbHzWbpsPaJ"}
_WORDS = ("min", "pm", "cd")  # a minute, the afternoon, a candela
_ALIASES = {"KB": "kB", "Kg": "kg", "KG": "kg", "Km": "km", "KM": "km", "ML": "mL", "Kbps": "kbps"}


def _dimension(text: str) -> Dimension:
    """Reads "mass length^-1"."""
    powers = []
    for part in text.split():
        name, _, power = part.partition("^")
        powers.append((name, int(power or 1)))
    return tuple(sorted(powers))


def _quotient(text: str) -> Decimal:
    """Reads "1000/3600" exactly enough that units divided by hand agree with it."""
    top, _, bottom = text.partition("/")
    return _EXACT.divide(Decimal(top), Decimal(bottom or 1))


def _prefixed_units() -> dict[str, Unit]:
    """Builds the names of the units that take SI prefixes, with their prefixes."""
    units: dict[str, Unit] = {}
    for dimension, factor, symbols, words in _PREFIXED:
        base = Unit(_dimension(dimension), Decimal(factor))
        for symbol in symbols.split():
            units[symbol] = base
            for prefix, (_, power) in _PREFIXES.items():
                if symbol in _RARE_PREFIXES.get(prefix, symbol) and prefix + symbol not in _WORDS:
                    units[prefix + symbol] = Unit(base.dimension, base.factor.scaleb(power))
        for name in (name for word in words.split() for name in (word, f"{word}s")):
            units[name] = base
            for prefix, power in _PREFIXES.values():
                units[prefix + name] = Unit(base.dimension, base.factor.scaleb(power))
    return units


def _plain_units() -> dict[str, Unit]:
    """Builds the names of the units that take no prefix."""
    return {
        name.replace("_", " "): Unit(_dimension(dimension), _quotient(factor))
        for dimension, rows in _PLAIN.items()
        for factor, names in rows.items()
        for name in names.split()
    }


def _degrees() -> dict[str, Unit]:
    """Builds the names of the scales of temperature."""
    celsius = Unit(_TEMPERATURE, Decimal(1), Decimal("273.15"))
    fahrenheit = Unit(_TEMPERATURE, _EXACT.divide(Decimal(5), Decimal(9)), Decimal("459.67"))
    units = dict.fromkeys(("°C", "°c", "deg C", "degrees C", "℃", "摄氏度"), celsius)
    units |= dict.fromkeys(("°F", "°f", "deg F", "degrees F", "℉", "华氏度"), fahrenheit)
    for name, unit in (("celsius", celsius), ("centigrade", celsius), ("fahrenheit", fahrenheit)):
        forms = (name, f"degrees {name}", f"degree {name}", f"deg {name}")
        units |= dict.fromkeys(forms, unit)
    return units


UNITS: dict[str, Unit] = _prefixed_units() | _plain_units() | _degrees()
"""Every name of a unit."""
UNITS |= {alias: UNITS[name] for alias, name in _ALIASES.items()}
AMBIGUOUS: dict[str, tuple[Unit, ...]] = {
    "C": (UNITS["°C"],),
    "F": (UNITS["°F"],),
    "min": (Unit(_ANGLE, _EXACT.divide(Decimal(1), Decimal(60))),),
    "'": (Unit(_ANGLE, _EXACT.divide(Decimal(1), Decimal(60))),),
    '"': (Unit(_ANGLE, _EXACT.divide(Decimal(1), Decimal(3600))),),
    "B": (UNITS["dB"],),
    "oz": (Unit((("length", 3),), Decimal("0.0000295735295625")),),
    **dict.fromkeys(("cal", "calorie", "calories", "Calories"), (UNITS["kcal"],)),
    "pound": (UNITS["lb"],),
    "pounds": (UNITS["lb"],),
    "ton": (UNITS["t"],),
    "tons": (UNITS["t"],),
}
"""What else a name may mean, beside its first meaning."""

CURRENCIES: dict[str, Unit] = {
    name.replace("_", " "): Unit(((f"currency {code}", 1),), Decimal(1))
    for code, names in {
        "USD": "$ us$ usd dollar dollars us_dollar us_dollars 美元 달러 ドル",
        "EUR": "€ eur euro euros 欧元",
        "GBP": "£ gbp pound pounds 英镑",
        "JPY": "jpy yen 円 日元",
        "CNY": "cny rmb yuan 元 人民币 块",
        "¥": "¥",
        "INR": "₹ inr rs rupee rupees",
        "KRW": "₩ krw won 원",
        "CAD": "cad ca$ c$ canadian_dollar canadian_dollars",
        "AUD": "aud au$ a$ australian_dollar australian_dollars",
        "CHF": "chf swiss_franc swiss_francs",
    }.items()
    for name in names.split()
} | dict.fromkeys(("¢", "cent", "cents"), Unit((("currency USD", 1),), Decimal("0.01")))
MAGNITUDES: dict[str, Decimal] = {
    name: Decimal(10) ** power
    for power, names in {
        2: "hundred",
        3: "thousand thousands k 千",
        4: "万 만",
        5: "lakh lakhs",
        6: "million millions mn mln m mm 百万",
        7: "crore crores",
        8: "亿 億 억",
        9: "billion billions bn bln b",
        12: "trillion trillions tn trn t",
    }.items()
    for name in names.split()
} | {"dozen": Decimal(12)}
