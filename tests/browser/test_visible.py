"""Both verifiers call the same characters invisible, whatever the age of their Unicode tables."""

import shutil
import subprocess
from pathlib import Path

import pytest

from ledger.encoding import all_visible, is_visible

ENCODING = Path(__file__).parents[2] / "browser" / "encoding.js"

PROGRAM = """
const { isVisible } = await import(process.argv[1]);
const found = [];
for (let code = 0; code < 0x110000; code += 1) {
  if (!isVisible(String.fromCodePoint(code))) found.push(code);
}
console.log(JSON.stringify(found));
"""


def test_both_call_the_same_characters_invisible() -> None:
    if not shutil.which("node"):
        pytest.skip("needs node and npm")
    command = ["node", "--input-type=module", "--eval", PROGRAM, str(ENCODING)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert ran.returncode == 0, ran.stderr
    theirs = {int(code) for code in ran.stdout.strip("[]\n").split(",")}
    assert theirs == {code for code in range(0x110000) if not is_visible(chr(code))}


def test_a_format_character_that_older_tables_do_not_know_is_invisible() -> None:
    assert not is_visible("\N{EGYPTIAN HIEROGLYPH VERTICAL JOINER}")
    assert not any(map(is_visible, map(chr, range(0x13439, 0x13440))))
    assert not all_visible("name\U00013439")
    assert is_visible("\U00013440")
