"""What a fault is given: the question, the right answer, and the archive from which a wrong one can be taken."""

from __future__ import annotations

from datetime import date

from attrs import evolve, frozen

from backfill.errors import InvalidRequest
from backfill.testing.dashboard.answer import Answer
from backfill.testing.dashboard.archive import ReportArchive
from backfill.testing.dashboard.asked import Asked
from backfill.testing.dashboard.dates import ONE_DAY, month_end
from backfill.testing.dashboard.report import Report, ReportKey, read_report


@frozen
class Exchange:
    """A request and its answer.

    Attributes:
        asked: The request.
        answer: What would be sent.
        archive: The reports.
    """

    asked: Asked
    answer: Answer
    archive: ReportArchive

    def shown(self) -> ReportKey:
        """Return what the right answer shows.

        Raises:
            InvalidRequest: It shows no report, so this fault cannot be applied to it.
        """
        if self.answer.shows is None:
            raise InvalidRequest(
                "path", self.asked.path, "this fault changes a report", 'switch it on with report="clubperformance"'
            )
        return self.answer.shows

    def report(self) -> Report:
        """Return the right answer taken apart.

        Raises:
            InvalidRequest: It shows no report.
        """
        self.shown()
        return read_report(self.answer.body)

    def show(self, key: ReportKey) -> Answer:
        """Return the answer with another file as its body."""
        return evolve(self.answer.with_body(self.archive[key].content), shows=key)

    def other_month(self, month: date | None) -> ReportKey:
        """Return the newest state of *month*, or of the nearest other month, earlier ones first."""
        shown = self.shown()
        states = [key for key in self.archive.find(shown.report, shown.district) if key.month != shown.month]
        if month is not None:
            states = [key for key in states if key.month == month_end(month)]
        earlier = [key for key in states if key.month < shown.month]
        found = earlier[-1:] or states[:1]
        return found[0] if found else self._lacking("month", month)

    def other_state(self, as_of: date | None) -> ReportKey:
        """Return another state of the same month: that of *as_of*, one in the archive, or the day before."""
        shown = self.shown()
        if as_of is None:
            states = self.archive.find(shown.report, shown.district, month=shown.month)
            as_of = next((key.as_of for key in states if key.as_of != shown.as_of), shown.as_of - ONE_DAY)
        return evolve(shown, as_of=as_of)

    def neighbour(self, district: str | None) -> ReportKey:
        """Return the same report of *district*, or of the first other district that has it."""
        shown = self.shown()
        others = [each for each in self.archive.districts(shown.month, shown.as_of, shown.report) if each != shown.district]
        found = others[:1] if district is None else [each for each in others if each == district]
        return evolve(shown, district=found[0]) if found else self._lacking("district", district)

    def _lacking(self, what: str, value: object) -> ReportKey:
        rule = f"the archive holds no other {what} beside {self.shown().path}"
        raise InvalidRequest(what, value, rule, "switch the fault on for a report that has one, or send Fault.body(...)")
