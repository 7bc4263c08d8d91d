"""Makes the font of the certificates anew: a part of Noto Serif CJK SC, under another name.

    python tests/notary/make_font.py /usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc

Needs fonttools and Debian's unicode-data, which the project does not install. The characters
are those of GB 2312, of the Table of General Standard Chinese Characters (通用规范汉字表, which
Unihan calls kTGH), of Latin and of our wording. It gets a name of its own, since it is not what
Noto released.
"""

import bz2
import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

FAMILY = "Tiezheng Serif SC"
OUT = Path(__file__).parents[2] / "cli" / "notary" / "fonts" / "tiezheng-serif-sc.otf"
UNIHAN = Path("/usr/share/unicode/Unihan_OtherMappings.txt.bz2")
SIMPLIFIED = 2  # its place in the collection
MORE = "〔〕〈〉「」—–…·×√○●□■→№‰“”‘’々〇①②③④⑤⑥⑦⑧⑨⑩㛃䶮堃喆玥祎翀甯昇犇赟鑫淼焱垚"


def characters() -> set[int]:
    found = {*range(0x20, 0x7F), *range(0xA0, 0x180), *map(ord, MORE)}
    for high in range(0xA1, 0xF8):
        for low in range(0xA1, 0xFF):
            found |= set(map(ord, bytes([high, low]).decode("gb2312", "ignore")))
    lines = [line.split("\t") for line in bz2.decompress(UNIHAN.read_bytes()).decode().split("\n")]
    general = {int(line[0][2:], 16) for line in lines if line[1:2] == ["kTGH"]}
    assert len(general) == 8105
    return found | general


def main(source: str) -> None:
    font = TTFont(source, fontNumber=SIMPLIFIED, lazy=True, recalcTimestamp=False)
    options = subset.Options(layout_features=["kern"], name_IDs=["*"], notdef_outline=True)
    options.drop_tables += ["BASE", "VORG", "vhea", "vmtx"]  # nothing is set vertically
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters())
    subsetter.subset(font)
    postscript = FAMILY.replace(" ", "") + "-Regular"
    for number, name in ((1, FAMILY), (3, f"tiezheng;{postscript}"), (4, FAMILY), (6, postscript)):
        font["name"].setName(name, number, 3, 1, 0x409)
    table = font["CFF "].cff
    table.fontNames = [postscript]
    table[0].rawDict["FullName"] = table[0].rawDict["FamilyName"] = FAMILY
    font.save(OUT)


if __name__ == "__main__":
    main(sys.argv[1])
