"""Pages name what they are made of, and one page lists them."""

from dataclasses import replace
from pathlib import Path

from benchmarks.paper import ITEMS
from benchmarks.paper.material import Material
from benchmarks.paper.pages import show_page, write_index, write_page
from benchmarks.report.terminal import console


def test_a_page_of_a_sweep_names_seeds_and_folders(tmp_path: Path, penalty: Material) -> None:
    for name in ("fig1", "fig3a", "fig5", "table2"):
        page = write_page(ITEMS[name], penalty, tmp_path).read_text()
        assert "- seeds 0, 1; run folders in" in page
    assert "![Table 2: accuracy against retained tokens](table2.png)" in page
    assert (tmp_path / "table2.png").read_bytes().startswith(b"\x89PNG")
    assert not list(tmp_path.glob("*.draft")) and not list(tmp_path.glob(".draft*"))


def test_a_page_of_two_sweeps_names_both(
    tmp_path: Path, penalty: Material, taught: Material
) -> None:
    both = replace(penalty, beside={"sft": taught})
    page = write_page(ITEMS["table8"], both, tmp_path).read_text()
    assert str(penalty.folder.path) in page and str(taught.folder.path) in page
    with console.capture() as shown:
        show_page(ITEMS["table8"], both)
    assert "Table 8: RL against fine-tuning: ours" in shown.get()


def test_the_index_has_a_line_an_item(tmp_path: Path) -> None:
    sentences = ["Shows | this.", "And that."]
    said = {name: (ITEMS[name], sentences) for name in ("fig1", "fig6")}
    lines = write_index(said, tmp_path).read_text().splitlines()
    assert f"| [fig6](fig6.md) | {ITEMS['fig6'].title} | Shows / this. And that. |" in lines
    assert sum(line.startswith("| [") for line in lines) == 2
