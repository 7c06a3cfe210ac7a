#!/usr/bin/env -S python3 -B
"""Which requirement of the RFCs is kept, where, and what shows it.

tests/requirements.tsv has the sentences, tests/conformance.tsv says of each what becomes of it. `check` finds rows that are
missing, files that are not there, tests that do not exist or are never run, and ids that stand neither in the code nor in
the tests; `report` makes doc/conformance.md of the two. `check` also looks whether what doc/security.md names exists.
"""
import argparse
import collections
import glob
import os
import re
import subprocess
import sys

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
REQUIREMENTS, TABLE, REPORT = "tests/requirements.tsv", "tests/conformance.tsv", "doc/conformance.md"
SECURITY = "doc/security.md"
HEADER = ["id", "status", "role", "code", "tests", "note"]
STATUSES, ROLES = ("yes", "n/a", "no"), ("mn", "ha", "fa", "all")
BINDING = ("MUST", "MUST NOT", "SHALL", "SHALL NOT", "REQUIRED")
TITLES = {
    "rfc5944": "IP Mobility Support for IPv4, Revised", "rfc3024": "Reverse Tunneling for Mobile IP",
    "rfc3519": "Mobile IP Traversal of NAT Devices", "rfc2794": "Mobile IP Network Access Identifier Extension",
    "rfc4721": "Mobile IPv4 Challenge/Response Extensions", "rfc3543": "Registration Revocation in Mobile IPv4",
    "rfc4433": "Mobile IPv4 Dynamic Home Agent Assignment", "rfc4636": "Foreign Agent Error Extension",
    "rfc2003": "IP Encapsulation within IP", "rfc2004": "Minimal Encapsulation within IP",
}
Row = collections.namedtuple("Row", HEADER)
Requirement = collections.namedtuple("Requirement", "id level title text")


def read(name):
    with open(name, encoding="utf-8", errors="replace") as file:
        return file.read()


def lines(name):
    return read(name).rstrip("\n").split("\n")


def requirements():
    return {fields[0]: Requirement(*fields) for fields in (line.split("\t") for line in lines(REQUIREMENTS)[1:])}


class Table:
    """tests/conformance.tsv; what is wrong with its form is in `faults`."""

    def __init__(self):
        self.rows, self.faults = {}, []
        header, *rest = lines(TABLE)
        if header.split("\t") != HEADER:
            self.fault(1, "the header is not " + " ".join(HEADER))
        for number, line in enumerate(rest, 2):
            fields = line.split("\t")
            if len(fields) != len(HEADER):
                self.fault(number, f"{len(fields)} fields, not {len(HEADER)}")
            elif fields[0] in self.rows:
                self.fault(number, f"{fields[0]} has a row already")
            else:
                self.rows[fields[0]] = (number, Row(*fields))

    def fault(self, number, text):
        self.faults.append(f"{TABLE}:{number}: {text}")


class Tests:
    """What can be named as a test: a function that some unit test's list runs, or what `scripts/check -l` lists."""
    LISTED = re.compile(r"^\s+\w+\(\s*(?:\w+,\s*)?(\w+)(?:,[^()]*)?\),?$", re.MULTILINE)

    def __init__(self):
        self.files = collections.defaultdict(list)
        for name in sorted(glob.glob("tests/unit/test_*.c")):
            text = read(name)
            body = text[text.rfind("\nint main("):]
            for function in self.LISTED.findall(body):
                if re.search(rf"^static void {function}\(\s*void \*\*", text, re.MULTILINE):
                    self.files[function].append(name)
        listed = subprocess.run(["scripts/check", "-l", "*"], capture_output=True, text=True, check=True).stdout
        for name in listed.split():
            scenario = "tests/netns/" + re.sub(r"^(netns|guest)-(user-|bpf-|kernel-)?", "", name)
            unit = f"tests/unit/test_{name[5:]}.c" if name.startswith("unit-") else ""
            judge = {"golden": "tests/judge/golden.py", "misbehave": "tests/judge/misbehave.py",
                     "codes": "tests/judge/codes.py", "revoked": "tests/judge/revoked.py"}.get(name, "")
            file = next((path for path in (scenario, unit, judge) if path and os.path.isfile(path)), "")
            self.files[name] += [file, *glob.glob(file + "*.py"), *glob.glob(file.replace("-", "_") + ".py")] if file else []


def has_id(text, name):
    """Whether the id stands there: also in short, as the -3 of "rfc2003-4.1-1, -3", or within "-1 to -4"."""
    base, _, number = name.rpartition("-")
    for first, rest in re.findall(rf"{re.escape(base)}-(\d+)((?:(?:, | to | and )-\d+)*)", text):
        numbers = [int(first)]
        for word, last in re.findall(r"(, | to | and )-(\d+)", rest):
            numbers += range(numbers[-1] + 1, int(last) + 1) if word == " to " else [int(last)]
        if int(number) in numbers:
            return True
    return False


def words(text):
    return text.split()


def check_row(row, requirement, tests):
    """Yields what is wrong."""
    if row.status not in STATUSES:
        yield f"status {row.status!r} is none of {', '.join(STATUSES)}"
        return
    for role in re.split(r"[, ]+", row.role.strip()) if row.role else []:
        if role not in ROLES:
            yield f"role {role!r} is none of {', '.join(ROLES)}"
    for file in words(row.code):
        if not os.path.isfile(file):
            yield f"there is no {file}"
    for name in words(row.tests):
        if name not in tests.files:
            yield f"no test {name} exists and is run"
    if row.status != "yes":
        if not row.note:
            yield f"{row.status} without a reason"
        return
    if not row.role or not row.code or not row.tests:
        yield "yes without a role, code or test"
        return
    if not any(has_id(read(file), requirement.id) for file in words(row.code) if os.path.isfile(file)):
        yield f"the id stands in none of {row.code}"
    where = [file for name in words(row.tests) for file in tests.files.get(name, [])]
    if not any(has_id(read(file), requirement.id) for file in where):
        yield "the id stands in none of the tests' files"


def security_faults(tests):
    """What doc/security.md names and is not there: tests, settings (of some manual page), counters (of some table)."""
    manuals = "".join(read(name) for name in glob.glob("*/mip-*.8"))
    sources = "".join(read(name) for name in glob.glob("*/core/*counter.*") + ["mn/core/mn_report.c"] + glob.glob("libmip/plane/*.c"))
    exists = {
        "Shown by": lambda name: name in tests.files,
        "Settings": lambda name: all(re.search(rf"^\.It Ic {part}\b", manuals, re.MULTILINE) for part in name.split(".")),
        "Counted as": lambda name: f'"{name}"' in sources or re.fullmatch(r"reply_\d+", name),
    }
    for section in re.split(r"^## ", read(SECURITY), flags=re.MULTILINE)[1:]:
        title = section.split("\n")[0]
        if "- Rule:" in section and "- Shown by:" not in section:
            yield f"{SECURITY}: {title}: no test is named"
        for what, names in re.findall(r"^- (Shown by|Settings|Counted as): (.*)$", section, re.MULTILINE):
            yield from (f"{SECURITY}: {title}: {what}: there is no {name}"
                        for name in re.findall(r"`([^`]+)`", names) if not exists[what](name))


def check(complete):
    """Whether all is well."""
    table, wanted, tests = Table(), requirements(), Tests()
    faults = table.faults
    faults += [f"{TABLE}: no row for {name}" for name in wanted if name not in table.rows]
    count = collections.Counter()
    for number, row in table.rows.values():
        requirement = wanted.get(row.id)
        if not requirement:
            table.fault(number, f"{row.id} is no requirement")
            continue
        count[row.status] += 1
        for text in check_row(row, requirement, tests):
            table.fault(number, f"{row.id}: {text}")
        if complete and row.status == "no" and requirement.level in BINDING:
            table.fault(number, f"{row.id}: {requirement.level} is not kept: {row.note}")
    faults += security_faults(tests)
    if os.path.exists(REPORT) and read(REPORT) != report_text():
        faults.append(f"{REPORT} is not what `scripts/conformance.py report` makes")
    print("\n".join(faults), end="\n" if faults else "")
    print(f"{len(table.rows)} of {len(wanted)} rows: " + ", ".join(f"{count[status]} {status}" for status in STATUSES))
    return not faults


# --- the report -------------------------------------------------------------------------------------------------------

def section_of(name):
    return name.split("-")[1]


def cell(text):
    return text.replace("|", "\\|")


def linked(files):
    return ", ".join(f"[{os.path.basename(file)}](../{file})" for file in words(files))


def overview(rows, wanted):
    yield "| RFC | | requirements | kept | bind nobody here | not kept | of these MUST |\n| --- | --- | --- | --- | --- | --- | --- |\n"
    groups = collections.defaultdict(list)
    for row in rows:
        groups[row.id.split("-")[0]].append(row)
    for name, group in groups.items():
        count = collections.Counter(row.status for row in group)
        broken = sum(row.status == "no" and wanted[row.id].level in BINDING for row in group)
        yield (f"| [{name[3:]}](#rfc-{name[3:]}) | {TITLES.get(name, '')} | {len(group)} | {count['yes']} | {count['n/a']} | "
               f"{count['no']} | {broken} |\n")


def report_text():
    wanted = requirements()
    rows = [row for _, row in Table().rows.values() if row.id in wanted]
    parts = ["# Conformance, requirement by requirement\n\n<!-- made by scripts/conformance.py report -->\n\n",
             "Every sentence of the RFCs with MUST or SHOULD in it, what becomes of it here, the code that obeys it and the tests that\n"
             "would fail if it did not. *Kept* means that both are there: the id stands above the line of code, and in the test.\n"
             "`scripts/check NAME` runs a test by its name, `scripts/conformance.py check` compares this page with the sources.\n\n",
             *overview(rows, wanted)]
    rfc = section = None
    for row in rows:
        requirement = wanted[row.id]
        name = row.id.split("-")[0]
        if name != rfc:
            rfc, section = name, None
            parts.append(f"\n## RFC {name[3:]}\n\n{TITLES.get(name, '')}.\n")
        if section_of(row.id) != section:
            section = section_of(row.id)
            parts.append(f"\n### {section} {requirement.title}\n\n| id | level | requirement | | role | code | tests |\n"
                         "| --- | --- | --- | --- | --- | --- | --- |\n")
        status = {"yes": "kept", "n/a": "n/a", "no": "**no**"}[row.status] + (f": {cell(row.note)}" if row.note else "")
        tests = ", ".join(f"`{name}`" for name in words(row.tests))
        parts.append(f"| {row.id.split('-', 1)[1]} | {requirement.level} | {cell(requirement.text)} | {status} | {row.role} | "
                     f"{linked(row.code)} | {tests} |\n")
    return "".join(parts)


def report():
    with open(REPORT, "w", encoding="utf-8") as file:
        file.write(report_text())
    return True


def main():
    parser = argparse.ArgumentParser(prog="scripts/conformance.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    checker = commands.add_parser("check", help="exit status 1 if something is wrong")
    checker.add_argument("--complete", action="store_true", help="also if a MUST is not kept")
    commands.add_parser("report", help=f"writes {REPORT}")
    chosen = parser.parse_args()
    sys.exit(0 if (check(chosen.complete) if chosen.command == "check" else report()) else 1)


if __name__ == "__main__":
    main()
