"""Family ``street``: houses and shops along a road, with a bus, a car or a traffic light."""

from __future__ import annotations

from dataclasses import dataclass

from vt_env.tasks.composing import offer
from vt_env.tasks.legibility import SMALL
from vt_env.tasks.parts.buildings import draw_house, draw_shop
from vt_env.tasks.parts.panels import mixed, pick
from vt_env.tasks.parts.traffic import LAMPS, draw_bus, draw_car, draw_disc, draw_traffic_light
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.style import Color
from vt_env.tasks.task import Box, Question
from vt_env.tasks.vocabulary import ITEMS

SKIES: tuple[Color, ...] = ((198, 222, 242), (226, 234, 240), (246, 226, 204))
NOVEL_SKIES: tuple[Color, ...] = ((212, 206, 234), (188, 206, 208))
ROAD: Color = (118, 120, 126)
PAVEMENT: Color = (196, 194, 188)
WIDER = 1.55
"""Width of a shop, in widths of a house."""
LONG = 448
"""Canvas from which a street has more than two buildings."""


@dataclass(frozen=True)
class _Lot:
    """A building: whether it is a shop, the name of its colour, and its box."""

    shop: bool
    color: str
    box: Box


class StreetTask:
    """Buildings behind a road.

    Questions: the number of a house or of the bus, what a shop sells, the pattern of a shutter, the
    colours of doors, vehicles and the traffic light, how many houses there are, and whether there
    is a car.
    """

    name = "street"

    def draw(self, sheet: Sheet) -> list[Question]:
        """Draws a street; the novel layout is mirrored, with other roofs, doors and signs."""
        return _Street(sheet).draw()


class _Street:
    """A street in the making."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet, self.rng, self.side = sheet, sheet.rng, sheet.side
        self.unit = sheet.side / 168
        self.long = sheet.side >= LONG
        self.novel = sheet.style.novel
        share = 0.34 if not self.long else 0.3 if self.novel else 0.26
        self.ground = int(self.side * (1 - share))
        self.questions: list[Question] = []

    def _wanting(self) -> bool:
        """Whether a scene that has been legible throughout gets something that is not."""
        small = any(question.need.high_res for question in self.questions)
        return not small and bool(self.rng.random() < 0.9)

    def draw(self) -> list[Question]:
        """Draws everything and returns the questions."""
        self._backdrop()
        lots = self._lots()
        doors = self._colors(lots)
        for lot, door in zip(lots, doors, strict=True):
            if not lot.shop:
                self._house(lot, door, lots)
        for lot, door in zip(lots, doors, strict=True):
            if lot.shop:
                self._shop(lot, door if self.rng.random() < 0.75 else None, lots)
        self._count(lots)
        self._road()
        return self.questions

    def _backdrop(self) -> None:
        """Draws the sky, the pavement and the road."""
        sheet, side, ground = self.sheet, self.side, self.ground
        skies = NOVEL_SKIES if self.novel else SKIES
        sky = skies[int(self.rng.integers(len(skies)))]
        bands = 6
        for band in range(bands):
            top, bottom = ground * band // bands, ground * (band + 1) // bands
            sheet.draw.rectangle(
                (0, top, side, bottom), fill=mixed(sky, (255, 255, 255), band / bands * 0.5)
            )
        size = int(18 * self.unit)
        draw_disc(sheet, pick(self.rng, size, side - size), size * 3 // 5, size, (250, 236, 170))
        if self.long:
            self._clouds()
        curb = ground + max(4, int(5 * self.unit))
        sheet.draw.rectangle((0, ground, side, curb), fill=PAVEMENT)
        sheet.draw.rectangle((0, curb, side, side), fill=ROAD)
        dash, line = int(14 * self.unit), max(2, int(2 * self.unit))
        y = side - int(6 * self.unit)
        for x in range(int(self.rng.integers(dash)), side - dash, 2 * dash):
            sheet.draw.rectangle((x, y, x + dash, y + line - 1), fill=(226, 226, 222))

    def _clouds(self) -> None:
        """Draws clouds over a wide sky."""
        for _ in range(pick(self.rng, 1, 3)):
            size = pick(self.rng, self.side // 20, self.side // 12)
            x, y = pick(self.rng, 2 * size, self.side - 2 * size), pick(self.rng, size, 2 * size)
            for dx, dy, share in ((-0.8, 0.15, 0.7), (0.0, -0.1, 1.0), (0.8, 0.1, 0.8)):
                at = (x + int(dx * size), y + int(dy * size))
                draw_disc(self.sheet, *at, int(size * share), (250, 250, 250))

    def _lots(self) -> list[_Lot]:
        """Divides the street into lots, shops being wider than houses."""
        rng, side = self.rng, self.side
        if self.long:
            count = pick(rng, 3, 4 if side < 1008 else 6)
            shops = [True, False, *(bool(x) for x in rng.random(count - 2) < 0.45)]
        else:
            shops = [False, bool(rng.random() < 0.6)]
        shops = [shops[int(i)] for i in rng.permutation(len(shops))]
        colors = [str(c) for c in rng.permutation(list(self.sheet.style.colors))]
        gap = int(side * 0.024)
        share = (side - gap * (len(shops) + 1)) / sum(WIDER if shop else 1.0 for shop in shops)
        lots, x = [], float(gap)
        for shop, color in zip(shops, colors, strict=False):
            width = share * (WIDER if shop else 1.0)
            lowest, highest = (0.62, 0.84) if self.long else (0.84, 0.95)
            height = int(self.ground * rng.uniform(lowest, highest))
            lots.append(
                _Lot(shop, color, (int(x), self.ground - height, int(x + width), self.ground))
            )
            x += width + gap
        return lots

    def _colors(self, lots: list[_Lot]) -> list[str]:
        """A colour for each lot's door or shutter: none twice, and none like its own wall."""
        names = list(self.sheet.style.colors)
        while True:
            drawn = [str(c) for c in self.rng.permutation(names)[: len(lots)]]
            if all(color != lot.color for color, lot in zip(drawn, lots, strict=True)):
                return drawn

    def _house(self, lot: _Lot, door: str, lots: list[_Lot]) -> None:
        """Draws a house and asks about it."""
        colors, number = self.sheet.style.colors, str(self.rng.integers(10, 100))
        plate, _, size = draw_house(self.sheet, lot.box, colors[lot.color], colors[door], number)
        text = f"What number is on the {lot.color} house?"
        self.questions.append(self.sheet.text_question(text, number, plate, [size]))
        if sum(not other.shop for other in lots) > 1:
            self._plain(f"What color is the door of the {lot.color} house?", door, lot.box)
        else:
            self._plain("What color is the house?", lot.color, lot.box)
            self._plain("What color is the door of the house?", door, lot.box)

    def _shop(self, lot: _Lot, shutter: str | None, lots: list[_Lot]) -> None:
        """Draws a shop and asks about it."""
        colors = self.sheet.style.colors
        item = str(self.rng.choice(ITEMS))
        blind = colors[shutter] if shutter else None
        fine = True if self._wanting() else None
        sign, size, area = draw_shop(self.sheet, lot.box, colors[lot.color], blind, item, fine)
        single = sum(other.shop for other in lots) == 1
        text = "What does the shop sell" if single else f"What does the {lot.color} shop sell"
        self.questions.append(self.sheet.text_question(f"{text}?", item.lower(), sign, [size]))
        if single:
            self._plain("What color is the shop?", lot.color, lot.box)
            if self.rng.random() < 0.5:
                self.questions.append(self._choice(text, item, sign, size))
        if area is not None:
            text = f"What pattern is on the {shutter} shutter?"
            self.questions.append(self.sheet.pattern_question(text, area))

    def _choice(self, text: str, item: str, sign: Box, size: int) -> Question:
        """The multiple-choice question about a sign."""
        question = Sheet.text_question(f"{text}?", item.lower(), sign, [size])
        return offer(self.sheet, question, [other.lower() for other in ITEMS], 4)

    def _count(self, lots: list[_Lot]) -> None:
        """Asks how many houses there are."""
        houses = sum(not lot.shop for lot in lots)
        whole = (0, 0, self.side, self.side)
        self._plain("How many houses are there?", str(houses), whole)

    def _road(self) -> None:
        """Draws what is on the road, from one side to the other, and asks about it."""
        side, unit, rng = self.side, self.unit, self.rng
        top = self.ground + int(4 * unit)
        start, end = int(3 * unit), side - int(3 * unit)
        if rng.random() < 0.5:
            width = min(int(20 * unit), (side - top) * 10 // 29)  # so that its head fits
            x = start if self.novel else end - width
            lit = list(LAMPS)[int(rng.integers(len(LAMPS)))]
            box = (x, top, x + width, side)
            draw_traffic_light(self.sheet, box, lit)
            self._plain("What color is the traffic light?", lit, box)
            start, end = (x + width + start, end) if self.novel else (start, x - int(3 * unit))
        car = bool(rng.random() < 0.5)
        bus = bool(rng.random() < 0.6) if self.long else not car and bool(rng.random() < 0.8)
        kinds = [kind for kind, there in (("car", car), ("bus", bus)) if there]
        colors = [str(c) for c in rng.permutation(list(self.sheet.style.colors))]
        room = (end - start) // max(1, len(kinds))
        for place, kind in enumerate(kinds if rng.random() < 0.5 else kinds[::-1]):
            at = start + place * room
            self._vehicle(kind, (at, top, at + room, side - int(2 * unit)), colors[place])
        self._plain("Is there a car?", "yes" if car else "no", (0, self.ground, side, side))

    def _vehicle(self, kind: str, room: Box, color: str) -> None:
        """Draws a car or a bus somewhere in a stretch of the road, and asks about it."""
        long, high = {"car": (80, 34), "bus": (116, 50)}[kind]
        scale = self.unit * (0.62 if self.long else 1.0)
        scale = min(scale, (room[2] - room[0]) / long, (room[3] - room[1]) / high)
        width, height = int(long * scale), int(high * scale)
        x = pick(self.rng, room[0], room[2] - width)
        y = room[3] - height - pick(self.rng, 0, (room[3] - room[1] - height) // 2)
        box = (x, y, x + width, y + height)
        fill = self.sheet.style.colors[color]
        if kind == "car":
            draw_car(self.sheet, box, fill, leftwards=self.novel)
        else:
            number = str(self.rng.integers(10, 100))
            most = SMALL if self._wanting() else height
            panel, size = draw_bus(self.sheet, box, fill, number, self.novel, most)
            text = "What number is on the bus?"
            self.questions.append(self.sheet.text_question(text, number, panel, [size]))
        self._plain(f"What color is the {kind}?", color, box)

    def _plain(self, text: str, answer: str, box: Box) -> None:
        self.questions.append(self.sheet.plain_question(text, answer, box))
