"""The picture of doc/benchmarks.md: bars by case and by number of bindings, as SVG for light and dark pages."""
from xml.sax.saxutils import escape

from bars import CASES, TCP

# The ways that are drawn, from the top of a group down; the others are in the tables.
WAYS = {("bpf", "ipip"): "bpf, IP-in-IP", ("bpf", "udp"): "bpf, UDP", ("kernel", "ipip"): "kernel, IP-in-IP",
        ("by-hand", "ipip"): "ip link type ipip", ("vxlan", "vxlan"): "VXLAN", ("user", "udp"): "user, UDP",
        ("user", "ipip"): "user, IP-in-IP"}
COLOURS = {  # light and dark
    ("bpf", "ipip"): ("#1f6fb4", "#5aa9e6"), ("bpf", "udp"): ("#7fb3dc", "#2f6f9f"),
    ("kernel", "ipip"): ("#2e8b57", "#57c785"), ("by-hand", "ipip"): ("#9ccfae", "#35744f"),
    ("vxlan", "vxlan"): ("#8a8f98", "#9aa0aa"), ("user", "udp"): ("#d9822b", "#f0a04b"),
    ("user", "ipip"): ("#efbd83", "#a8682a")}
WIDTH, LEFT, RIGHT, BAR, GAP, LONGEST = 900, 230, 70, 13, 12, 1.3
SCALE = (WIDTH - LEFT - RIGHT) / LONGEST


class Picture:
    def __init__(self):
        self.y, self.parts = 16, []

    def text(self, x, y, words, style="", anchor="start"):
        self.parts.append(f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" class="{style}">{escape(words)}</text>')

    def line(self, x1, y1, x2, y2, style):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>')

    def legend(self):
        x, self.y = LEFT, self.y + 8
        for number, name in enumerate(WAYS.values()):
            if x > WIDTH - 150:
                x, self.y = LEFT, self.y + 18
            self.parts.append(f'<rect x="{x}" y="{self.y - 10}" width="12" height="12" class="w{number}"/>')
            self.text(x + 17, self.y, name)
            x += 150
        self.y += 16

    def bar(self, number, row):
        length = min(row["ratio"], LONGEST) * SCALE
        middle = self.y + BAR / 2
        low, high = (LEFT + min(row[end], LONGEST) * SCALE for end in ("low", "high"))
        self.parts.append(f'<rect x="{LEFT}" y="{self.y}" width="{length:.1f}" height="{BAR - 2}" class="w{number}"/>')
        self.line(low, middle, high, middle, "spread")
        self.text(max(high, LEFT + length) + 5, self.y + BAR - 3, f"{row['ratio']:.2f}", "small")
        self.y += BAR

    def panel(self, title, groups):
        """Groups are pairs of a name and rows by their way."""
        groups = [(name, rows) for name, rows in groups if rows]
        if not groups:
            return
        self.y += 24
        self.text(16, self.y, title, "title")
        self.y += 14
        top = self.y
        for name, rows in groups:
            self.text(LEFT - 10, self.y + len(rows) * BAR / 2 + 4, name, anchor="end")
            for number, way in enumerate(WAYS):
                if way in rows:
                    self.bar(number, rows[way])
            self.y += GAP
        for tenths in range(0, int(LONGEST * 10) + 1, 2):
            x = LEFT + tenths / 10 * SCALE
            self.line(x, top - 4, x, self.y, "one" if tenths == 10 else "grid")
            self.text(x, self.y + 14, f"{tenths / 10:.1f}", "small", "middle")
        self.text(LEFT + SCALE, self.y + 28, "plain forwarding = 1; thin lines: lower to upper quartile", "small", "middle")
        self.y += 34

    def finish(self):
        light = "".join(f".w{number}{{fill:{COLOURS[way][0]}}}" for number, way in enumerate(WAYS))
        dark = "".join(f".w{number}{{fill:{COLOURS[way][1]}}}" for number, way in enumerate(WAYS))
        return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.y + 10:.0f}" \
font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="13">
<title>The data planes beside plain forwarding</title>
<style>
.page{{fill:#ffffff}} text{{fill:#24292f}} .title{{font-weight:bold;font-size:15px}} .small{{font-size:11px}}
.grid{{stroke:#d0d7de}} .one{{stroke:#24292f;stroke-dasharray:4 3}} .spread{{stroke:#24292f}} {light}
@media (prefers-color-scheme: dark) {{
.page{{fill:#0d1117}} text{{fill:#e6edf3}} .grid{{stroke:#30363d}} .one{{stroke:#e6edf3}} .spread{{stroke:#e6edf3}} {dark}
}}
</style>
<rect class="page" width="{WIDTH}" height="{self.y + 10:.0f}"/>
""" + "\n".join(self.parts) + "\n</svg>\n"


def rows_of(result, case, bindings):
    return {(row["plane"], row["encapsulation"]): row for row in result["rows"]
            if row["case"] == case and row["bindings"] == bindings and (row["plane"], row["encapsulation"]) in WAYS}


def draw(results):
    picture = Picture()
    picture.legend()
    for result in results:
        picture.panel(f"Rates with one binding: {result['machine']}",
                      [(CASES[case], rows_of(result, case, 1)) for case in (*TCP, "packets")])
        counts = sorted({row["bindings"] for row in result["rows"]} - {1})
        for case in ("packets-spread", "tcp-1"):
            picture.panel(f"{CASES[case]}, by number of bindings",
                          [(f"{bindings:,}", rows_of(result, case, bindings)) for bindings in counts])
    return picture.finish()
