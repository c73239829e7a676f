"""Writes src/precis/tables.ts: the Unicode properties that JavaScript's regular expressions do not know.

Run with CPython >= 3.13: python3 tools/unicode-tables.py > src/precis/tables.ts
Bidi classes and combining classes come from unicodedata, joining types from the copy of idna inside pip.
Code points that cannot reach a table (unassigned ones, symbols, controls) take the value of their left neighbour,
which keeps the tables short and gives later Unicode versions a sensible guess.
"""

from unicodedata import bidirectional, category, combining, unidata_version

from pip._vendor.idna.idnadata import __version__ as joining_version
from pip._vendor.idna.idnadata import joining_types

assert unidata_version == joining_version

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
# Blocks whose unassigned code points default to R or AL (DerivedBidiClass.txt).
RTL_BLOCKS = [(0x0590, 0x08FF), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFF), (0x10800, 0x10FFF), (0x1E800, 0x1EFFF)]
BIDI = {'L': 'L', 'R': 'R', 'AL': 'R', 'AN': 'A', 'EN': 'E'}
NEUTRAL_IN_CONTEXT = (0xB7, 0x200C, 0x200D, 0x30FB)
SINDHI_SIGNS = (0x6FD, 0x6FE)  # symbols that RFC 5892 §2.6 allows


def bidi(c):
    kind = category(chr(c))
    if kind == 'Cn' and any(low <= c <= high for low, high in RTL_BLOCKS):
        return 'R'
    if kind[0] == 'L' or kind in ('Mc', 'Nd') or 0x20 < c < 0x7F or c in NEUTRAL_IN_CONTEXT:
        return BIDI.get(bidirectional(chr(c)), 'N')
    return None


def joining(c):
    if category(chr(c)) not in ('Ll', 'Lu', 'Lo', 'Lm', 'Mc', 'Nd') and c not in SINDHI_SIGNS:
        return None
    kind = chr(joining_types.get(c, ord('U')))
    return kind if kind in 'LRDT' else 'U'


def virama(c):
    return None if category(chr(c)) == 'Cn' else 'V' if combining(chr(c)) == 9 else 'U'


def table(name, comment, value_of, default):
    runs, last = [], default
    for c in CODE_POINTS:
        value = value_of(c)
        if value not in (None, last):
            runs.append(f'{c:x}{value}')
            last = value
    lines, line = [], ''
    for run in runs:
        if len(line) + len(run) > 110:
            lines.append(line)
            line = ''
        line += run + ' '
    lines.append(line.rstrip())
    body = ' +\n'.join(f"  '{text}'" for text in lines)
    return f'/** {comment} */\nexport const {name} =\n{body};'


print(f"""// Written by tools/unicode-tables.py from Unicode {unidata_version}. Do not edit.
// A table is a list of runs: the first code point in hexadecimal, then the value of it and of all up to the next run.
""")
print(table('BIDI_RUNS', 'Bidi_Class: L, R (R or AL), A (AN), E (EN), N (any neutral). Nonspacing marks are left out.', bidi, 'N'))
print()
print(table('JOINING_RUNS', 'Joining_Type: L, R, D, T, or U for any other. Nonspacing marks, all of them transparent, are left out.', joining, 'U'))
print()
print(table('VIRAMA_RUNS', 'V where Canonical_Combining_Class is Virama, else U.', virama, 'U'))
