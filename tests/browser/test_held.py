"""What the second verifier reads again is what it had hashed."""

import shutil
import subprocess
from pathlib import Path

import pytest

BROWSER = Path(__file__).parents[2] / "browser"

PROGRAM = """
const { digestItem, ItemHasher } = await import(`${process.argv[1]}/evidence/chunks.js`);
const { Held } = await import(`${process.argv[1]}/evidence/held.js`);
const bytes = Uint8Array.from({ length: 600_000 }, (_, i) => (i * 7919) >> 3);
const hasher = await ItemHasher.begin();
await hasher.update(bytes);
await hasher.finish();
const held = new Held(async (at, n) => bytes.slice(at, at + n), bytes.length, hasher.leaves);
const show = async (at, n) => {
  try {
    const found = await held.read(at, n);
    const same = found.every((byte, i) => byte === bytes[at + i]);
    return `${same} ${found.length}`;
  } catch (error) {
    return error.message;
  }
};
const answers = [await show(0, 10), await show(262_100, 262_200), await show(599_990, 100)];
answers.push(await show(600_000, 5));
bytes[599_995] ^= 1; // what was read before is not read again; what is new is held to its leaf
const fresh = new Held(async (at, n) => bytes.slice(at, at + n), bytes.length, hasher.leaves);
for (const at of [0, 599_990]) {
  try {
    answers.push(`${(await fresh.read(at, 4)).length}`);
  } catch (error) {
    answers.push(`${error.name}: ${error.message}`);
  }
}
console.log(answers.join("\\n"));
"""


def test_a_file_that_changes_between_two_readings_is_refused() -> None:
    if not shutil.which("node"):
        pytest.skip("needs node and npm")
    command = ["node", "--input-type=module", "--eval", PROGRAM, str(BROWSER)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "true 10",
        "true 262200",
        "true 10",
        "true 0",
        "4",
        "Rejected: the packet has changed while it was read",
    ]
