"""The one way a file comes to be."""

from pathlib import Path

import pytest

from warehouse.files import TEMPORARY, new_file


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """While it is written the name shows what was there before, and after a failure still does."""
    path = tmp_path / "name"
    with new_file(path) as temporary:
        temporary.write_text("half")
        assert temporary.name.startswith(TEMPORARY)
        assert not path.exists()
        temporary.write_text("whole")
    assert path.read_text() == "whole"

    def fail() -> None:
        with new_file(path) as temporary:
            temporary.write_text("broken")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "whole"
    assert [item.name for item in tmp_path.iterdir()] == ["name"]
