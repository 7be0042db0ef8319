"""Where the recorded responses lie, and why a test that reads them may be skipped."""

from pathlib import Path

import pytest

RECORDED = Path(__file__).resolve().parents[2] / "shared" / "recorded"

# Recordings of real services are others' work and no part of the project: where they do not lie
# beside the checkout, the hand-written examples of the same tests' files stand alone. In a folder
# that is there, a missing file is a failure and no reason to skip.
needs_recordings = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="the recorded responses are not beside this checkout"
)

GOLD = RECORDED.parent / "gold"
"""Where sets of real records with known duplicates lie, which are others' work too."""

# Nothing is hidden by it: records that were made up are grouped and scored wherever the tests run.
needs_gold = pytest.mark.skipif(
    not GOLD.is_dir(), reason="the labelled duplicates are not beside this checkout"
)
