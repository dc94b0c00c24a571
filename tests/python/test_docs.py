# SPDX-License-Identifier: MIT
"""The README and the guides tell the truth: their python blocks run in order, and a text block after one is what it prints.

A block is called example.py in messages. The message of an error of Enigma that ends a block counts as printed.
`python tests/python/test_docs.py` writes the present outputs into the files, to be read before they are committed.
"""

import contextlib
import importlib.util
import io
import linecache
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import enigma

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    "README.md",
    *(
        f"docs/{name}.md"
        for name in (
            "kernels",
            "memory",
            "simdgroups",
            "atomics",
            "tensors",
            "mma",
            "autotune",
            "runtime",
            "vectors",
        )
    ),
]
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.M | re.S)


def run(source, names):
    lines = source.splitlines(keepends=True)
    linecache.cache["example.py"] = (len(source), None, lines, "example.py")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(source, "example.py", "exec"), names)
        except enigma.EnigmaError as error:
            print(error)
    return printed.getvalue()


def outputs(text):
    """Of each block: where its text block is, what that says, what is printed."""
    names = {"__name__": "__main__"}
    for block in BLOCK.finditer(text):
        yield block.span(2), block.group(2), run(block.group(1), names)


@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_run_and_print_what_is_shown(page):
    count = 0
    for _, shown, printed in outputs((ROOT / page).read_text()):
        assert printed == (shown or "")
        count += 1
    assert count > 0


@pytest.mark.parametrize(
    "page",
    [
        *PAGES,
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "docs/types.md",
        "docs/layouts.md",
        "docs/embedding.md",
        "docs/aot.md",
    ],
)
def test_links_lead_somewhere(page):
    prose = re.sub(r"^```.*?^```|`[^`\n]+`", "", (ROOT / page).read_text(), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)#]+)\)", prose):
        assert target.startswith("https://") or ((ROOT / page).parent / target).exists(), target


def test_the_page_of_operations_is_what_the_records_say():
    spec = importlib.util.spec_from_file_location("operations_page", ROOT / "tools" / "operations_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = module.page()
    assert (ROOT / "docs" / "operations.md").read_text() == page, "run ./dev docs"
    missing = [
        name
        for op in module.records()
        for name in names(op)
        if f"`{name}(" not in page and f"`{name}`" not in page
    ]
    assert missing == []


@pytest.mark.skipif(not shutil.which("doxygen"), reason="doxygen is not installed")
def test_doxygen_understands_every_public_header(tmp_path):
    settings = (ROOT / "docs" / "Doxyfile").read_text() + f"\nOUTPUT_DIRECTORY = {tmp_path}\n"
    done = subprocess.run(["doxygen", "-"], input=settings, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "The one interface to whatever runs kernels" in (tmp_path / "cpp" / "Device_8h.html").read_text()
    assert "correctly rounded" in (tmp_path / "cpp" / "Operations_8h.html").read_text()


def names(op):
    return [function["name"] for function in op["functions"]] + [op["name"]] * (op["kind"] == "query")


def main():
    for page in PAGES:
        text = (ROOT / page).read_text()
        for (begin, end), shown, printed in reversed(list(outputs(text))):
            if shown is not None:
                text = text[:begin] + printed + text[end:]
            elif printed:
                raise SystemExit(f"{page}: a block prints, and shows nothing: {printed}")
        (ROOT / page).write_text(text)


if __name__ == "__main__":
    main()
