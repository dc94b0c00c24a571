# SPDX-License-Identifier: MIT
"""A plot of bars as SVG, readable on light and on dark pages: for each workload a bar for each tool, as a share of C.

bars([("saxpy", {"Enigma": 0.97, "C": 1.0, "numba": 0.9})], ["Enigma", "C", "numba"]) -> text of the file
"""

from html import escape

# Light and dark; distinguishable also to the colour-blind (Okabe and Ito), Enigma the most saturated.
COLOURS = {
    "Enigma": ("#d55e00", "#ff8a3d"),
    "C": ("#555555", "#bbbbbb"),
    "numba": ("#0072b2", "#56b4e9"),
    "PoCL": ("#009e73", "#2fd3a5"),
    "torch": ("#cc79a7", "#e8a3c8"),
    "jax": ("#b59b00", "#f0e442"),
    "NumPy": ("#7a5195", "#b48ad6"),
}
LEFT, RIGHT, TOP, BAR, GAP, WIDE = 190, 60, 56, 13, 14, 520
MOST = 1.5  # shares above it are cut, and their number says so


def bars(rows, names):
    named = [n for n in names if any(n in shares for _, shares in rows)]
    height = TOP + sum(len(shares) * BAR + GAP for _, shares in rows) + 24
    width = LEFT + WIDE + RIGHT
    style = "".join(
        f".{n}{{fill:{COLOURS[n][0]}}}@media(prefers-color-scheme:dark){{.{n}{{fill:{COLOURS[n][1]}}}}}"
        for n in named
    )
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
        "<title>Speed as a share of C</title>",
        "<style>text{font:12px system-ui,sans-serif;fill:#222}.small{font-size:10px}.grid{stroke:#ccc}.one{stroke:#555;stroke-dasharray:4 3}"
        "@media(prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#444}.one{stroke:#aaa}}"
        + style
        + "</style>",
    ]
    x = LEFT
    for name in named:
        out.append(
            f'<rect class="{name}" x="{x}" y="10" width="12" height="12"/><text x="{x + 17}" y="20">{escape(name)}</text>'
        )
        x += 32 + 7 * len(name)
    for tenth in range(0, round(MOST * 10) + 1, 5):
        at, kind = LEFT + WIDE * tenth / 10 / MOST, "one" if tenth == 10 else "grid"
        out.append(f'<line class="{kind}" x1="{at:.1f}" y1="{TOP - 8}" x2="{at:.1f}" y2="{height - 18}"/>')
        out.append(
            f'<text class="small" x="{at:.1f}" y="{TOP - 13}" text-anchor="middle">{tenth / 10:g}{" = C" if tenth == 10 else ""}</text>'
        )
    y = TOP
    for name, shares in rows:
        middle = y + len(shares) * BAR / 2 + 4
        out.append(f'<text x="{LEFT - 8}" y="{middle:.1f}" text-anchor="end">{escape(name)}</text>')
        for tool in named:
            if tool not in shares:
                continue
            share = shares[tool]
            long = max(1.0, WIDE * min(share, MOST) / MOST)
            out.append(f'<rect class="{tool}" x="{LEFT}" y="{y}" width="{long:.1f}" height="{BAR - 2}"/>')
            out.append(f'<text class="small" x="{LEFT + long + 4:.1f}" y="{y + BAR - 4}">{share:.2g}</text>')
            y += BAR
        y += GAP
    out.append("</svg>\n")
    return "\n".join(out)
