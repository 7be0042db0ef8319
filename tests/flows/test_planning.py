"""Windows: what is cut is covered once, all of it."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from flows.planning import slices
from flows.source import ListSpec

NOW = datetime(2026, 3, 3, tzinfo=UTC)


@given(
    st.dates(date(2020, 1, 1), date(2026, 1, 1)),
    st.integers(0, 400),
    st.integers(1, 120),
    st.booleans(),
)
def test_slices_cover_every_day_once(start: date, length: int, longest: int, is_open: bool) -> None:
    """The slices of a span hold each of its days exactly once, in order, none longer than allowed."""
    end = start + timedelta(days=length)
    cut = slices(ListSpec("x", 7, longest, 1), start, end, NOW, is_open=is_open)
    days = [
        window.start + timedelta(days=n)
        for window in cut
        for n in range((window.end - window.start).days + 1)
    ]
    assert days == [start + timedelta(days=n) for n in range(length + 1)]
    assert all((window.end - window.start).days < longest for window in cut)
    assert [window.is_open for window in cut] == [False] * (len(cut) - 1) + [is_open]
