"""What a question speaks of, as far as it changes the reading of an answer.

Each function is pure and remembered: a question comes back sixteen times in a group.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from judges.rules.hints import Hint
from judges.rules.numeric.unit_table import MAGNITUDES, Unit
from judges.rules.numeric.units import find_unit

_PERCENT = Hint(r"%|\b(?:percent\w*|per cent|pct)\b|百分|パーセント")
_SHARE = Hint(
    r"\b(?:share(?! price| value)|portion|(?:interest|growth|unemployment|inflation|tax|success|"
    r"conversion|mortality|birth|death|literacy|employment|participation|turnout|error|approval|"
    r"response|retention|completion|vacancy|occupancy|poverty|fertility|crime|graduation|"
    r"acceptance|return|failure|survival) rate)\b|占比|比例"
)
_PART = Hint(r"\b(?:proportion|fraction|probability|chance|likelihood|odds)\b|概率|几分之")
_COUNT = Hint(
    r"\b(?:how many|number of|count|population|people|persons|users|views|followers|subscribers|"
    r"downloads|visitors|residents|inhabitants|customers|employees|votes|likes|streams|tickets|"
    r"revenue\w*|sales|price\w*|cost\w*|income\w*|profit\w*|budget\w*|salar\w+|wages?|gdp|dollars?|"
    r"usd|euros?|money|worth|spen[dt]\w*|spending|earn\w*|paid|pay|fund\w*|assets?|debts?|loans?|"
    r"market cap\w*|capitali[sz]ation|valuation\w*|expen[sd]\w*|expenditure\w*|exports?|imports?|"
    r"donat\w+|invest\w+|turnover|fee|fees|payment\w*)\b|[$€£¥₹₩]|多少人|人口|多少钱|金额"
)
_SCALE = re.compile(
    r"\b(?:in|of)\s+(?:the\s+)?(?:us\s+)?(thousand|million|billion|trillion|lakh|crore)s?\b"
    r"|\(\s*(?:in\s+)?(?:us\s?)?[$€£]?\s?(thousand|million|billion|trillion|mn|bn)s?\b",
    re.IGNORECASE,
)
_ASKED_UNIT = re.compile(
    r"\bin\s+((?:square |cubic |nautical |metric |degrees? )?[A-Za-z°µμΩ%$€£]+"
    r"(?:\s?/\s?[A-Za-z]+|\s+per\s+[A-Za-z]+)?(?:\^?[23])?)(?![\w'])"
    r"|\(\s*(?:(?:in|unit:)\s+)?([^\s()]{1,12})\s*\)"
    r"|(?:how many|to the nearest|_+\)?)\s+([a-z]+)\b",
    re.IGNORECASE,
)
_FALL = Hint(
    r"\b(?:down|fall|falls|fell|fallen|falling|drop|drops|dropped|dropping|decreas\w+|declin\w+|"
    r"reduc\w+|lost|lose|loses|loss|shrank|shrunk|shrink|lowered|decrease|slump\w*|plunge\w*)\b"
)
_RISE = Hint(
    r"\b(?:up|rise|rises|rose|risen|rising|increas\w+|grew|grow|grows|grown|growth|gain|gains|"
    r"gained|climb\w*|surg\w+|jump\w*)\b(?!\s+to\b)"
)
_CHANGE = Hint(
    r"\b(?:chang\w+|growth|differ\w*|trend|develop\w*|variation|return|year[- ]on[- ]year|yoy)\b"
)
_WRITTEN = Hint(
    r"\b(?:version|release|build|firmware|revision|chapter|section|clause|paragraph|code|serial|"
    r"plate|zip|postal|postcode|phone|telephone|fax|mobile number|id|identifier|isbn|issn|sku|"
    r"barcode|jersey|model|ip address|pin|dewey|bib|password|"
    r"(?:part|invoice|receipt|order|ticket|flight|reference|registration|passport|licen[cs]e|lot|"
    r"tracking|case|batch|account|house|room|gate|extension|policy|card|patient|catalog\w*)\s+"
    r"(?:number|no|code|id))\b|编号|号码|版本"
)
_SLASHED = Hint(
    r"\b(?:date|dated|day|when|deadline|expir\w+|score|scores|scored|rating|rated|pressure|bp|"
    r"systolic|diastolic|vision|acuity|eyesight|time signature|meter|metre|page|pages|model|"
    r"ratio|record|stars|grade|slide|issue|season|aspect)\b|日期|比分|血压"
)

_MEASURE = Hint(
    r"\b(?:angle|measure|length|height|width|depth|distance|temperature|weight|mass|area|volume|"
    r"speed|velocity|time|year|age|degrees?|radius|diameter|perimeter|duration|pressure|side)\b"
)
_HOW_MANY = Hint(r"\bhow (?:many|much|long|far|old)\b")

_CURRENCY = re.compile(
    r"[$€£₹₩]|\b(?:usd|eur|gbp|jpy|cny|rmb|inr|krw|chf|dollars?|euros?|pounds?|yen|yuan|rupees?|won)\b|"
    r"[元円원]|\bcents?\b",
    re.IGNORECASE,
)
Share = Literal["percent", "share", "part"]


@lru_cache(maxsize=4096)
def share(question: str) -> Share | None:
    """Says whether a question asks for a part of a whole.

    Returns:
        ``"percent"`` when it names percent, ``"share"`` for words whose answers are given in
        percent as often as not, ``"part"`` for fractions and probabilities, else None.
    """
    if _PERCENT.isin(question):
        return "percent"
    if _SHARE.isin(question):
        return "share"
    return "part" if _PART.isin(question) else None


@lru_cache(maxsize=4096)
def counts(question: str) -> bool:
    """True when money, people or things are counted, so that "5K" is five thousand."""
    return _COUNT.isin(question)


@lru_cache(maxsize=4096)
def scale(question: str) -> Decimal | None:
    """Returns the magnitude in which a question wants its answer ("in million dollars")."""
    if "illion" not in question and "housand" not in question:
        found = _SCALE.search(question) if "(" in question or "lakh" in question.lower() else None
    else:
        found = _SCALE.search(question)
    if found is None and "crore" in question.lower():
        found = _SCALE.search(question)
    return MAGNITUDES[(found[1] or found[2]).lower()] if found else None


@lru_cache(maxsize=4096)
def asked_unit(question: str) -> Unit | None:
    """Returns the unit in which a question wants its answer ("in cm", "(kg)"), if it names one."""
    for found in _ASKED_UNIT.finditer(question):
        name = found[1] or found[2] or found[3]
        unit = find_unit(name)
        if unit and (len(name) > 1 or found[2]):
            return unit[0]
    return None


@lru_cache(maxsize=4096)
def asked_currency(question: str) -> Unit | None:
    """Returns the one currency that a question names; None when it names none, or several."""
    named = {find_unit(name)[0] for name in _CURRENCY.findall(question) if find_unit(name)}
    return named.pop() if len(named) == 1 else None


def direction(text: str) -> int:
    """Returns -1 where `text` tells of a fall, 1 of a rise, 0 of neither or of both."""
    falls, rises = _FALL.isin(text), _RISE.isin(text)
    return rises - falls


@lru_cache(maxsize=4096)
def asks_for_change(question: str) -> bool:
    """True when the sign of the answer tells a direction that the question leaves open."""
    return _CHANGE.isin(question)


@lru_cache(maxsize=4096)
def asks_for_measure(question: str) -> bool:
    """True when a length, an angle, a time or the like is asked for, and no money."""
    return _MEASURE.isin(question) and not counts(question)


@lru_cache(maxsize=4096)
def is_written(question: str) -> bool:
    """True when digits are asked for as they are written: versions, codes, numbers on things."""
    return _WRITTEN.isin(question) and not _HOW_MANY.isin(question)


@lru_cache(maxsize=4096)
def has_slashes(question: str) -> bool:
    """True when "3/4" in an answer is a date, a score or a pressure rather than a fraction."""
    return _SLASHED.isin(question)
