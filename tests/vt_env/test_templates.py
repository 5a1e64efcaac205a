"""Prompt templates: data, replaceable by a file."""

from dataclasses import replace
from pathlib import Path

import pytest

from vt_env.errors import ConfigError, UnknownNameError
from vt_env.protocol import Answer, Request, parse
from vt_env.templates import PROMPTS_DIR, load_template, to_toml
from vt_env.tools import tools_named

NAMES = sorted(path.stem for path in PROMPTS_DIR.glob("*.toml"))


@pytest.mark.parametrize("name", NAMES)
def test_shipped_templates_speak_the_protocol(name: str) -> None:
    template = load_template(name)
    assert "What is it?" in template.question_text("What is it?")
    assert "too long" in template.error_text("too long")
    request = parse(template.forced_request)
    assert isinstance(request, Request)
    assert request.well_formed
    forced = parse(template.forced_answer + "42</answer>")
    assert isinstance(forced, Answer)
    assert (forced.text, forced.well_formed) == ("42", True)


@pytest.mark.parametrize("name", NAMES)
def test_braces_in_questions_are_left_alone(name: str) -> None:
    question = "What is {question} or {error} or {0} in \\frac{1}{2}?"
    assert load_template(name).question_text(question).count(question) == 1


def test_shipped_names() -> None:
    assert {"agent", "brief", "simple", "think"} <= set(NAMES)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    text = (PROMPTS_DIR / "brief.toml").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace("{question}", "Q: {question} A:"), encoding="utf-8")
    assert load_template(path).question_text("x") == "Q: x A:"
    assert load_template(str(path)) == load_template(path)


@pytest.mark.parametrize("name", NAMES)
def test_a_template_for_policies_whose_thought_is_opened(name: str) -> None:
    opened = load_template(name).opened()
    assert opened.opens_thought
    assert opened.opened() is opened
    for forced in (opened.forced_request, opened.forced_answer + "42</answer>"):
        assert "<think>" not in forced
        assert parse(forced, opened=True) == parse(f"<think>{forced}")
        assert parse(forced, opened=True).well_formed


def test_a_file_can_say_that_the_thought_is_opened(tmp_path: Path) -> None:
    text = (PROMPTS_DIR / "brief.toml").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(f"{text}\nopens_thought = true\n", encoding="utf-8")
    assert load_template(path) == load_template("brief").opened()
    path.write_text(f"{text}\nopens_thought = false\n", encoding="utf-8")
    assert load_template(path) == load_template("brief")


def test_unknown_name() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'brief'"):
        load_template("breif")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("user = ", "usr = "), "field 'user' is missing"),
        (('system = "', 'extra = "x"\nsystem = "'), "field 'extra' is unknown"),
        (('user = "{question}"', 'user = "{q}"'), "must contain {question}"),
        (('user = "{question}"', "user = 3"), "field 'user' must be text"),
        (("user = ", "user == "), "not valid TOML"),
        (('system = "', 'opens_thought = "yes"\nsystem = "'), "must be true or false"),
        (('system = "', 'opens_thought = 1\nsystem = "'), "must be true or false"),
    ],
)
def test_bad_files_name_the_field(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    text = (PROMPTS_DIR / "brief.toml").read_text(encoding="utf-8")
    assert change[0] in text
    path = tmp_path / "bad.toml"
    path.write_text(text.replace(*change), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_template(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_a_template_is_written_as_it_is_read(name: str, tmp_path: Path) -> None:
    strange = "\x7f\x01\t\r\n\"'\\ é \U0001f600 {question}"
    for template in (load_template(name), replace(load_template(name), user=strange)):
        path = tmp_path / "mine.toml"
        path.write_text(to_toml(template), encoding="utf-8", newline="")
        assert load_template(path) == template


OWN = """
system = "Do. {tools}"
user = "{question} {tools}"
tool_response = "There."
tool_error = "{error}"
forced_answer = "<think></think><answer>"
forced_request = "<think></think>"

[system_tools]
none = "Look."
one = "Look, or call {names}: {phrases}"

[phrases]
resize = "bigger, as {json}"

[responses]
crop = "A part."
"""


def test_a_file_says_in_its_own_words_which_tools_there_are(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(OWN, encoding="utf-8")
    template = load_template(path)
    resize, crop = tools_named(("resize", "crop"))
    assert template.system_text(()) == "Do. Look."
    expected = 'bigger, as {"name": "resize_image", "arguments": {"action": "resize"}}'
    assert template.system_text((resize,)) == f"Do. Look, or call resize_image: {expected}"
    assert "call resize_image or crop_image" in template.system_text((resize, crop))
    assert crop.call_example() in template.question_text("Q?", (crop,))
    assert template.question_text("{tools}", ()) == "{tools} "
    assert template.response_text(crop) == "A part."
    assert template.response_text(resize) == "There."
    path.write_text(to_toml(template), encoding="utf-8")
    assert load_template(path) == template


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("\none = ", "\nonce = "), "field 'once' of [system_tools] is unknown"),
        (('one = "Look', 'one = 3 # "Look'), "field 'system_tools' must be a table of texts"),
        (('[phrases]\nresize = "', '[phrases]\nresize = 1 # "'), "'phrases' must be a table of"),
        (("[responses]", "[replies]"), "field 'replies' is unknown"),
    ],
)
def test_bad_words_name_the_field(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    assert change[0] in OWN
    path = tmp_path / "bad.toml"
    path.write_text(OWN.replace(*change), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_template(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
