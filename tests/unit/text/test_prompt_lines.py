import pytest

from sdjp.text.prompt_lines import is_prompt_line


@pytest.mark.parametrize("line", ["猫", " 犬 ", "#桜", "#1 の絵", "猫 # 注", "##"])
def test_prompts(line: str) -> None:
    assert is_prompt_line(line)


@pytest.mark.parametrize("line", ["", "  ", "　\t", "#", "# 下書き", "　#　下書き", "#\t猫"])
def test_blank_lines_and_notes(line: str) -> None:
    assert not is_prompt_line(line)
