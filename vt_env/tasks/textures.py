"""Family ``textures``: swatches of cloth, some woven in lines too fine for the halved image."""

from __future__ import annotations

from vt_env.tasks.base import Box, Question
from vt_env.tasks.hatching import MARGIN, even
from vt_env.tasks.sheet import Sheet


class TexturesTask:
    """Two to four swatches. Questions: the pattern of one, its colour, and where it lies."""

    name = "textures"

    def draw(self, sheet: Sheet) -> list[Question]:
        """Draws swatches side by side, or one above the other in the novel layout."""
        rng = sheet.rng
        count = int(rng.integers(2, 4))
        colors = [str(c) for c in rng.permutation(list(sheet.style.colors))[:count]]
        boxes = _places(sheet, count)
        questions = []
        for color, box in zip(colors, boxes, strict=True):
            sheet.draw.rectangle(
                (box[0], box[1], box[2] - 1, box[3] - 1), fill=sheet.style.colors[color]
            )
            area = sheet.hatch(box)
            questions.append(sheet.pattern_question(f"What pattern is on the {color} cloth?", area))
        first, last = ("top", "bottom") if sheet.style.novel else ("left", "right")
        whole: Box = (0, 0, sheet.side, sheet.side)
        questions.append(
            sheet.plain_question(f"What color is the cloth on the {first}?", colors[0], whole)
        )
        questions.append(
            sheet.plain_question(f"What color is the cloth on the {last}?", colors[-1], whole)
        )
        questions.append(sheet.plain_question("How many cloths are there?", str(count), whole))
        return questions


def _places(sheet: Sheet, count: int) -> list[Box]:
    """Boxes of the swatches, in order along the row, or the column in the novel layout."""
    rng, gap = sheet.rng, max(8, sheet.side // 20)
    room = sheet.side - 2 * MARGIN
    share = (room - gap * (count - 1)) // count
    boxes = []
    for place in range(count):
        along = int(rng.integers(int(share * 0.75), share + 1))
        across = int(rng.integers(int(room * 0.45), int(room * 0.8)))
        start = MARGIN + place * (share + gap) + int(rng.integers(0, share - along + 1))
        other = MARGIN + int(rng.integers(0, room - across + 1))
        box = even((start, other, start + along, other + across))
        boxes.append((box[1], box[0], box[3], box[2]) if sheet.style.novel else box)
    return boxes
