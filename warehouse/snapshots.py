"""The lake as a whole: who it is, its snapshots, publishing one, and recovering after a kill.

Publishing is one step: the creation of `manifests/NNNNNN.json` by `link`, which fails when that
number exists. Everything before it can be thrown away, everything after it can be made again.
"""

import contextlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import TypeAdapter, ValidationError

from schemas.errors import LakeError, OriginError, UsageError
from schemas.paper import Run
from warehouse import build
from warehouse.files import (
    TEMPORARY,
    Lock,
    holder_of,
    new_file,
    refuse_network_disk,
    remove_temporary,
    sha256_of,
    sync_folder,
    write_bytes,
    write_json,
)
from warehouse.manifest import FORMAT_VERSION, DataFile, Manifest, from_json, to_json

ResumableKind = Literal["nightly", "backfill"]
KINDS: tuple[ResumableKind, ...] = ("nightly", "backfill")
# How many snapshots back an unfinished run can have published its last one.
_RECENT = 100
_NUMBERED = re.compile(r"(\d{6,})")


@dataclass(frozen=True, slots=True)
class LakeInfo:
    """`lake.json`: who this lake is."""

    lake_id: str
    format_version: int
    origin: str
    """`real`, or `sandbox:seed:size`."""
    created_at: datetime


_INFO = TypeAdapter(LakeInfo)
_RUN = TypeAdapter(Run)


def snapshot_of(path: Path) -> int | None:
    """The snapshot for which a file of a table or a warehouse was written, as its name says."""
    match = _NUMBERED.match(path.name)
    return int(match[1]) if match else None


class Lake:
    """A folder that holds a lake. Reading needs no lock; writing needs `lock` held."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.lock = Lock(self.root / "lock")

    @property
    def staging(self) -> Path:
        """Scratch space of the running process; emptied on recovery."""
        return self.root / "staging"

    @property
    def responses(self) -> Path:
        """Kept responses, a folder a source."""
        return self.root / "responses"

    @property
    def warehouse(self) -> Path:
        """The DuckDB file that others open: a link to the newest snapshot's."""
        return self.root / "warehouse.duckdb"

    @property
    def exists(self) -> bool:
        """Whether there is a lake here."""
        return (self.root / "lake.json").is_file()

    def info(self) -> LakeInfo:
        """Who this lake is.

        Raises:
            UsageError: there is no lake here.
            LakeError: lake.json is damaged, or written by a newer Paperlake.
        """
        path = self.root / "lake.json"
        try:
            info = _INFO.validate_json(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            raise UsageError(
                f"There is no lake at {self.root}: name one with --lake DIR, or make one with "
                "`paperlake demo`, `paperlake nightly` or `paperlake import`."
            ) from None
        except ValidationError:
            raise LakeError(
                f"{path} is damaged: restore it from a backup.", path=str(path)
            ) from None
        if info.format_version > FORMAT_VERSION:
            raise LakeError(
                f"{self.root} is written in format {info.format_version}, this Paperlake reads "
                f"{FORMAT_VERSION}: upgrade paperlake.",
                path=str(path),
            )
        if info.format_version < FORMAT_VERSION:
            raise LakeError(
                f"{self.root} is written in format {info.format_version}, that of a development "
                f"version, and this Paperlake reads {FORMAT_VERSION}: make a new lake in another "
                "folder; the old one's warehouse.duckdb still answers questions.",
                path=str(path),
            )
        return info

    def open_for_writing(self, purpose: str, origin: str, now: datetime) -> None:
        """Take the lock, make the lake if there is none, and recover what a killed writer left.

        Raises:
            BusyError: another process writes it.
            OriginError: it holds papers of another origin.
            UsageError: it lies on a network disk, or the folder holds something else.
        """
        self.refuse_unusable()
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"{self.root} cannot be made ({error.strerror}): choose another folder with --lake DIR."
            ) from None
        self.lock.acquire(purpose)
        try:
            if not self.exists:
                self._create(origin, now)
            info = self.info()
            if info.origin != origin:
                raise OriginError(
                    f"The lake {self.root} holds papers of origin '{info.origin}', not '{origin}', and "
                    "the two must not mix: choose another folder with --lake DIR.",
                    lake=str(self.root),
                    origin=info.origin,
                )
            self.recover()
        except BaseException:
            self.lock.release()
            raise

    def refuse_unusable(self) -> None:
        """Refuse a place where a lake cannot be; nothing is touched.

        Raises:
            UsageError: it lies on a network disk, or the folder holds something else.
        """
        if (
            not self.exists
            and self.root.is_dir()
            and any(
                path.name not in ("lock", "prefect") and not path.name.startswith(TEMPORARY)
                for path in self.root.iterdir()
            )
        ):
            raise UsageError(
                f"{self.root} is not empty and holds no lake: choose another folder with --lake DIR."
            )
        if "\\" in str(self.root):
            raise UsageError(
                f"{self.root} has a backslash in its name, which DuckDB reads as a slash: choose "
                "another folder with --lake DIR."
            )
        refuse_network_disk(self.root)

    def close(self) -> None:
        """Give the lock back."""
        self.lock.release()

    def _create(self, origin: str, now: datetime) -> None:
        # The first file of a lake: whoever is killed after it has made a lake.
        info = LakeInfo(uuid.uuid4().hex, FORMAT_VERSION, origin, now)
        write_json(self.root / "lake.json", _INFO.dump_python(info, mode="json"))

    # Snapshots

    def numbers(self) -> list[int]:
        """Numbers of the published snapshots, ascending."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return sorted(
                int(path.stem)
                for path in (self.root / "manifests").iterdir()
                if path.suffix == ".json" and path.stem.isdigit()
            )
        return []

    def manifest(self, snapshot: int | None = None) -> Manifest | None:
        """A published snapshot, by default the newest; None when there is none yet.

        Raises:
            UsageError: no such snapshot.
            LakeError: its manifest is damaged.
        """
        numbers = self.numbers()
        if snapshot is None:
            if not numbers:
                return None
            snapshot = numbers[-1]
        elif snapshot not in numbers:
            have = f"1 to {numbers[-1]}" if numbers else "none yet"
            raise UsageError(
                f"There is no snapshot {snapshot} in {self.root} (it has {have}): see `paperlake snapshots`."
            )
        path = self.manifest_file(snapshot)
        try:
            return from_json(path.read_bytes())
        except ValidationError:
            raise LakeError(
                f"{path} is damaged: restore it from a backup.", path=str(path)
            ) from None

    def readable(self) -> list[Manifest]:
        """The snapshots whose files are kept, ascending: thinned are always the oldest."""
        found: list[Manifest] = []
        for number in reversed(self.numbers()):
            manifest = self.manifest(number)
            if manifest is None or manifest.thinned_at is not None:
                break
            found.append(manifest)
        return found[::-1]

    def last_of_run(self, run_id: str) -> Manifest | None:
        """The newest snapshot that a run published; None when it published none."""
        for number in reversed(self.numbers()[-_RECENT:]):
            manifest = self.manifest(number)
            if manifest is not None and manifest.run_id == run_id:
                return manifest
        return None

    def manifest_file(self, snapshot: int) -> Path:
        """The manifest of one snapshot."""
        return self.root / "manifests" / f"{snapshot:06}.json"

    def warehouse_file(self, snapshot: int) -> Path:
        """The DuckDB file of one snapshot."""
        return self.root / "warehouse" / f"{snapshot:06}.duckdb"

    def draft_warehouse(self, manifest: Manifest) -> Path:
        """Build the DuckDB file of a coming snapshot, and its SQL text beside it, for the checks."""
        path = self.staging / self.warehouse_file(manifest.snapshot).name
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = build.build(manifest, self.root, path)
        path.with_suffix(".sql").write_text(text, encoding="utf-8")
        return path

    def publish(self, manifest: Manifest, draft: Path) -> None:
        """Make a snapshot the newest: the one step that commits.

        Raises:
            LakeError: that number exists already; somebody wrote without the lock.
        """
        assert self.lock.is_held
        self._place(draft, manifest.snapshot)
        path = self.manifest_file(manifest.snapshot)
        folder = path.parent
        temporary_manifest = folder / f".tmp-{uuid.uuid4().hex[:12]}.json"
        write_bytes(temporary_manifest, to_json(manifest))
        try:
            if any(number >= manifest.snapshot for number in self.numbers()):
                raise FileExistsError
            os.link(temporary_manifest, path)
        except FileExistsError:
            raise LakeError(
                f"Snapshot {manifest.snapshot} of {self.root} exists already: another process wrote "
                "without the lock. Nothing was published; run again.",
                path=str(path),
            ) from None
        finally:
            temporary_manifest.unlink(missing_ok=True)
        sync_folder(folder)
        self._point_to(manifest)

    def _place(self, draft: Path, snapshot: int) -> None:
        """Put a built warehouse under its name, read-only."""
        final = self.warehouse_file(snapshot)
        for suffix in (".duckdb", ".sql"):
            with new_file(final.with_suffix(suffix)) as temporary:
                shutil.copyfile(draft.with_suffix(suffix), temporary)
                temporary.chmod(0o444)

    def _point_to(self, manifest: Manifest) -> None:
        """Swap the links `warehouse.duckdb` and `warehouse.sql` to a published snapshot."""
        target = self.warehouse_file(manifest.snapshot)
        if not (target.exists() and target.with_suffix(".sql").exists()):
            self._place(self.draft_warehouse(manifest), manifest.snapshot)
        for suffix in (".sql", ".duckdb"):
            link = self.warehouse.with_suffix(suffix)
            aim = Path("warehouse", target.with_suffix(suffix).name)
            if link.is_symlink() and link.readlink() == aim:
                continue
            temporary = self.root / f".tmp-{uuid.uuid4().hex[:12]}"
            temporary.symlink_to(aim)
            temporary.replace(link)
        sync_folder(self.root)

    def recover(self) -> None:
        """Bring the folder to the state of its newest snapshot; needs the lock.

        Whatever carries a higher number than the newest manifest belongs to a snapshot that was
        never published.
        """
        assert self.lock.is_held
        shutil.rmtree(self.staging, ignore_errors=True)
        remove_temporary(self.root)
        newest = self.numbers()[-1] if self.numbers() else 0
        for folder in (self.root / "data", self.root / "warehouse"):
            for path in folder.rglob("*") if folder.is_dir() else ():
                number = snapshot_of(path)
                if number is not None and number > newest and path.is_file():
                    path.unlink()
        manifest = self.manifest()
        if manifest is not None:
            self._point_to(manifest)

    # Runs that no snapshot tells of yet

    def note_run(self, run: Run) -> None:
        """Remember how a run ended, until a snapshot takes it up."""
        write_bytes(
            self.root / "runs" / f"{run.run_id}.json",
            orjson.dumps(run.model_dump(mode="json"), option=orjson.OPT_INDENT_2) + b"\n",
        )

    def noted_runs(self) -> list[Run]:
        """Runs that ended without a snapshot since the last one, oldest first."""
        runs = []
        for path in sorted((self.root / "runs").glob("*.json")):
            with contextlib.suppress(ValidationError):
                runs.append(_RUN.validate_json(path.read_bytes()))
        return sorted(runs, key=lambda run: (run.started_at, run.run_id))

    def forget_runs(self, runs: list[Run]) -> None:
        """A snapshot took them up."""
        for run in runs:
            (self.root / "runs" / f"{run.run_id}.json").unlink(missing_ok=True)

    # What an unfinished run must remember

    def state(self, name: ResumableKind) -> dict[str, Any] | None:
        """What an unfinished run of a kind wrote down, or None."""
        try:
            state = orjson.loads((self.root / "state" / f"{name}.json").read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            return None
        # What is not whole is as good as nothing: the watermarks say where to go on.
        try:
            date.fromisoformat(state["night_date"])
            datetime.fromisoformat(state["started_at"])
            return state if isinstance(state["run_id"], str) else None
        except (TypeError, KeyError, ValueError):
            return None

    def set_state(self, name: ResumableKind, state: Mapping[str, Any] | None) -> None:
        """Write down, or strike out, what an unfinished run must remember."""
        path = self.root / "state" / f"{name}.json"
        if state is None:
            path.unlink(missing_ok=True)
        else:
            write_json(path, dict(state))

    # Health

    def holder(self) -> str | None:
        """Who writes the lake now, in words; None when nobody does."""
        return holder_of(self.root / "lock")

    def damaged_files(self, manifest: Manifest) -> Iterator[tuple[DataFile, str]]:
        """Files of a snapshot that are missing or not what the manifest says."""
        for file in manifest.files():
            if (damage := self.damage(file)) is not None:
                yield file, damage

    def damage(self, file: DataFile, *, is_read: bool = True) -> str | None:
        """What is wrong with a file, or None; only what its folder tells unless it `is_read`."""
        path = self.root / file.path
        if not path.exists():
            return "is missing"
        if path.stat().st_size != file.bytes:
            return f"has {path.stat().st_size} bytes instead of {file.bytes}"
        if is_read and sha256_of(path) != file.sha256:
            return "has another sha256"
        return None
