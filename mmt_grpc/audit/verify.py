"""Whether a directory of audit files still says what was written to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from mmt_grpc.audit.directory import FileName, names
from mmt_grpc.audit.record import FORMAT, START, check


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong or worth knowing: the file, its line (1 is the header, 0 the file as a whole), a fixed sentence."""

    file: str
    line: int
    text: str


@dataclass(slots=True)
class FileReport:
    """What one file holds: whole records behind its header, the chain's end, the bytes of a torn last line."""

    name: FileName
    header: Mapping[str, object] | None = None
    previous: str | None = None
    records: int = 0
    last_hash: str | None = None
    torn_bytes: int = 0
    problems: list[Finding] = field(default_factory=list)

    def blame(self, line: int, text: str) -> None:
        """Add a problem."""
        self.problems.append(Finding(str(self.name), line, text))


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The directory's files by role and order; `problems` are signs of loss or change, `notes` are not."""

    files: Sequence[FileReport]
    problems: Sequence[Finding]
    notes: Sequence[Finding]

    @property
    def ok(self) -> bool:
        """Whether nothing contradicts the chains. What was cut off their very ends nobody can see from here."""
        return not self.problems


def verify_directory(path: Path) -> AuditReport:
    """Check every file's chain and how the files of each role continue each other; `OSError` if one cannot be read."""
    reports = [verify_file(path / str(name), name) for name in names(path)]
    problems = [finding for report in reports for finding in report.problems]
    notes: list[Finding] = []
    for _, group in groupby(reports, key=lambda report: report.name.role):
        _check_sequence(list(group), problems, notes)
    return AuditReport(reports, problems, notes)


def verify_file(path: Path, name: FileName) -> FileReport:
    """Check one file's chain."""
    report = FileReport(name)
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                report.torn_bytes = len(line)
                break
            if not _check_line(report, number, line[:-1]):
                break
    return report


def _check_line(report: FileReport, number: int, line: bytes) -> bool:
    """Check a line against what came before it; False where going on makes no sense."""
    checked = check(line)
    if checked is None:
        report.blame(number, "the line is damaged: it does not hash to its own hash")
        return False
    members, previous, digest = checked
    if members.get("seq") != number - 1:
        report.blame(number, "the line has another number than its place says")
    if number == 1:
        if members.get("format") != FORMAT:
            report.blame(number, "the header names another format")
            return False
        if members.get("role") != report.name.role or members.get("life") != report.name.life:
            report.blame(number, "the header belongs to another file")
        report.header, report.previous = members, previous
    else:
        report.records += 1
        if previous != report.last_hash:
            report.blame(number, "the line does not continue the one before it")
    report.last_hash = digest
    return True


def _check_sequence(reports: Sequence[FileReport], problems: list[Finding], notes: list[Finding]) -> None:
    """Check how the files of one role follow each other, in order."""
    named: dict[str, FileReport] = {}
    expected_torn: set[str] = set()
    for report in reports:
        if report.header is None:
            if not report.problems:
                notes.append(Finding(str(report.name), 0, "the file ends before its header: its process died at once"))
        else:
            for tail in _tails(report.header):
                expected_torn.add(str(tail.get("file")))
                problems.extend(_check_tail(report, tail, named, notes))
            _check_start(report, problems)
        named[str(report.name)] = report
    notes.extend(
        Finding(str(report.name), 0, "the last line is not whole: being written, or torn by a crash")
        for report in reports
        if report.torn_bytes and report.header is not None and str(report.name) not in expected_torn
    )


def _tails(header: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    skipped = header.get("skipped")
    for tail in (header.get("predecessor"), *(skipped if isinstance(skipped, list) else ())):
        if isinstance(tail, dict):
            yield tail


def _check_start(report: FileReport, problems: list[Finding]) -> None:
    predecessor = report.header.get("predecessor") if report.header else None
    expected = predecessor.get("hash") if isinstance(predecessor, dict) else START
    if report.previous != expected:
        problems.append(Finding(str(report.name), 1, "the header contradicts itself about what it continues"))


def _check_tail(
    report: FileReport, tail: Mapping[str, object], named: Mapping[str, FileReport], notes: list[Finding]
) -> Iterator[Finding]:
    """Compare what a header says of an earlier file's end with the file."""
    earlier = named.get(str(tail.get("file")))
    if earlier is None:
        missing = Finding(str(report.name), 1, "the file it continues is not here")
        # Whatever is oldest continues what was archived; a gap behind that is a loss.
        if any(other.header for other in named.values()):
            yield missing
        else:
            notes.append(missing)
        return
    if earlier.problems:
        return
    if earlier.last_hash != tail.get("hash"):
        yield Finding(str(earlier.name), 0, "the file ends elsewhere than its successor says")
    elif earlier.torn_bytes != tail.get("torn_bytes"):
        yield Finding(str(earlier.name), 0, "behind the last whole line stands something else than its successor says")
