"""docs/troubleshooting.md lists errors in alphabetical order, and quotes sagebuild's own as the code words them."""

import ast
import re

from tests.engine import ROOT

ROWS = [
    [cell.strip() for cell in line.strip("| ").split(" | ")]
    for line in (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| `")
]


def read_texts() -> str:
    """All text of the code and the state machine, with "…" for each value that is put in."""
    texts = [(ROOT / "statemachine.asl.json").read_text(encoding="utf-8")]
    for path in (ROOT / "sagebuild").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                texts.append("".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return "\n".join(texts)


def test_the_errors_are_in_alphabetical_order() -> None:
    words = [re.sub(r"^… ", "", row[0].strip("`")).lower() for row in ROWS]
    assert len(words) > 30
    assert words == sorted(words)
    assert all(len(row) == 3 for row in ROWS)


def test_the_texts_of_sagebuild_are_those_of_the_code() -> None:
    code = read_texts()
    own = [quoted for row in ROWS if row[1] == "sagebuild" for quoted in re.findall(r"`([^`]+)`", row[0])]
    assert len(own) > 15
    missing = [text for text in own if not all(part.strip() in code for part in text.split("…"))]
    assert missing == []
