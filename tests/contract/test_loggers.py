"""The product logs under one name, so that one setting reaches all of it."""

import ast

from tests.engine import ROOT


def test_every_logger_of_the_product_is_named_sagebuild() -> None:
    names = {
        (str(path.relative_to(ROOT)), ast.unparse(node.args[0]) if node.args else "")
        for folder in ("sagebuild", "handlers", "skill", "demo")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("getLogger", "Logger")
    }
    assert len(names) > 5
    assert {(path, name) for path, name in names if name != "'sagebuild'"} == set()
