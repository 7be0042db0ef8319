"""Kept responses: what a kill leaves half done is cut off, what is whole stays."""

from datetime import UTC, date, datetime
from pathlib import Path

from warehouse.responses import Pack, Response, read_pack

NIGHT = date(2026, 3, 3)
NOW = datetime(2026, 3, 3, 6, 30, tzinfo=UTC)


def keep(pack: Pack, name: str, run_id: str = "run-1") -> Response:
    """Keep an answer that holds its own name."""
    return pack.keep(
        run_id, url=name, status=200, headers={}, body=name.encode(), fetched_at=NOW, context={}
    )


def kept(folder: Path) -> list[str]:
    """The bodies that can be read back."""
    return [response.body.decode() for response in read_pack(folder, "x", NIGHT)]


def test_a_half_written_line_is_cut_off(tmp_path: Path) -> None:
    """An index line without its end counts for nothing, and the next one does not run into it."""
    pack = Pack(tmp_path, "x", NIGHT)
    keep(pack, "one")
    keep(pack, "two")
    pack.close()
    index = tmp_path / "x" / f"{NIGHT}.jsonl"
    index.write_bytes(index.read_bytes()[:-20])
    pack = Pack(tmp_path, "x", NIGHT)
    keep(pack, "three")
    pack.close()
    assert kept(tmp_path) == ["one", "three"]


def test_a_frame_without_a_line_is_cut_off(tmp_path: Path) -> None:
    """Bytes behind the last frame that the index names go, so that a pack does not grow by kills."""
    pack = Pack(tmp_path, "x", NIGHT)
    keep(pack, "one")
    pack.close()
    path = tmp_path / "x" / f"{NIGHT}.pack"
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + b"half a frame")
    pack = Pack(tmp_path, "x", NIGHT)
    assert path.stat().st_size == size
    keep(pack, "two")
    pack.close()
    assert kept(tmp_path) == ["one", "two"]


def test_a_run_finds_its_own_answers_only(tmp_path: Path) -> None:
    """What one run kept is not another run's answer, and the same bytes are stored once."""
    pack = Pack(tmp_path, "x", NIGHT)
    keep(pack, "one")
    assert pack.find("run-1", "one", {}) is not None
    assert pack.find("run-2", "one", {}) is None
    size = (tmp_path / "x" / f"{NIGHT}.pack").stat().st_size
    keep(pack, "one", run_id="run-2")
    assert (tmp_path / "x" / f"{NIGHT}.pack").stat().st_size == size
    pack.close()


def test_the_same_url_in_another_context_is_another_request(tmp_path: Path) -> None:
    """Where a cursor repeats, each page is found again by its number, also after the pack was reopened."""
    pack = Pack(tmp_path, "x", NIGHT)
    for page in range(2):
        pack.keep(
            "run-1",
            url="works?cursor=same",
            status=200,
            headers={},
            body=b"page %d" % page,
            fetched_at=NOW,
            context={"list": "all", "page": page},
        )
    pack.close()
    pack = Pack(tmp_path, "x", NIGHT)
    found = [pack.find("run-1", "works?cursor=same", {"page": n, "list": "all"}) for n in range(3)]
    assert [response and response.body for response in found] == [b"page 0", b"page 1", None]
    assert pack.count("run-1", "all") == 2
    pack.close()
