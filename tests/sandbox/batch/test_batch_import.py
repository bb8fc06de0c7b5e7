"""A night's batch, from the manifest to OMERO and to the report."""

from __future__ import annotations

import asyncio

from contracts.batch.manifest_file import ManifestFile
from contracts.failures import FailureCategory
from contracts.import_report import FileState
from tests.sandbox.batch.conftest import Batches


async def test_a_manifest_of_two_users_is_imported_once(batches: Batches) -> None:
    """Files, a folder, a conversion, key-values; a bad row and a bad file are reported, and the others are imported."""
    one, two, three = (batches.write_tiff(f"{name}.tif") for name in ("one", "two", "three"))
    for name in ("a.tif", "b.tif"):
        batches.write_tiff(name, batches.folder / "day 1")
    (batches.folder / "day 1" / "notes.txt").write_text("no image")
    (batches.folder / "broken.ome.tif").write_bytes(b"II*\0not a TIFF")
    folder = batches.folder.name
    screened, mine, yours = batches.dataset("Converted"), batches.dataset("Mine"), batches.dataset("Yours")
    lines = [
        "path;user;dataset;project;convert;kv:Stain;kv:Gene",
        f"{one};alice;{mine};P {batches.mark};;DAPI;PLK1",
        f"{two};bob;{yours};;;;",
        f"{three};alice;{screened};;ometiff;Hoechst;",
        f"{folder}/day 1;bob;{yours};;;;",
        f"{folder}/broken.ome.tif;alice;{mine};P {batches.mark};;;",
        f"{folder}/gone.tif;alice;{mine};P {batches.mark};;;",
        f"../{one};alice;{mine};;;;",
    ]
    manifest = batches.folder / "night.csv"
    manifest.write_text("\n".join(lines), "utf-8")
    source = ManifestFile(group="lab-a", path=f"{folder}/night.csv")

    report = await batches.run(title="Night 1", manifests=(source,))
    assert (report.imported, report.there, report.failed, len(report.problems)) == (5, 0, 2, 1), report.summary
    assert {cause.category for cause in report.causes()} >= {
        FailureCategory.BAD_REQUEST,
        FailureCategory.FILE_NOT_FOUND,
    }
    [problem] = report.problems
    assert problem.where == f"lab-a/{folder}/night.csv, line 8, path"
    assert await asyncio.to_thread(batches.images_in, mine) == {"alice/one.tif": 1}
    assert await asyncio.to_thread(batches.images_in, yours) == {"bob/two.tif": 1, "bob/a.tif": 1, "bob/b.tif": 1}
    [converted] = await asyncio.to_thread(batches.images_in, screened)
    assert converted.startswith("alice/three")
    pairs = await asyncio.to_thread(batches.pairs_of, mine)
    assert pairs["one.tif"].items() >= {("Stain", "DAPI"), ("Gene", "PLK1")}

    # The next night finds what was imported, and one file that has come meanwhile.
    batches.write_tiff("gone.tif")
    again = await batches.run(title="Night 2", manifests=(source,))
    assert (again.imported, again.there, again.failed) == (1, 5, 1), again.summary
    assert await asyncio.to_thread(batches.images_in, mine) == {"alice/one.tif": 1, "alice/gone.tif": 1}
    assert len(await asyncio.to_thread(batches.images_in, yours)) == 3
    listed = [file for part in again.parts for file in part.report.files]
    assert sorted(file.state for file in listed) == [FileState.FAILED, FileState.IMPORTED]


async def test_two_batches_at_once_import_each_file_once(batches: Batches) -> None:
    names = [batches.write_tiff(f"{number}.tif") for number in range(6)]
    dataset = batches.dataset("Twice")
    rows = "\n".join(f"{name},{dataset}" for name in names)
    (batches.folder / "m.csv").write_text(f"path,dataset\n{rows}\n", "utf-8")
    source = ManifestFile(group="lab-a", path=f"{batches.folder.name}/m.csv", user="alice")
    both = await asyncio.gather(*(batches.run(title=f"Twin {number}", manifests=(source,)) for number in range(2)))
    assert sorted((report.imported, report.there) for report in both) == [(0, 6), (6, 0)]
    assert set((await asyncio.to_thread(batches.images_in, dataset)).values()) == {1}


async def test_a_manifest_of_one_user_names_nobody_else(batches: Batches) -> None:
    name = batches.write_tiff("mine.tif")
    (batches.folder / "m.csv").write_text(f"path,user,dataset\n{name},bob,{batches.dataset('Theft')}\n", "utf-8")
    source = ManifestFile(group="lab-a", path=f"{batches.folder.name}/m.csv", user="alice")
    report = await batches.run(title="Theft", manifests=(source,))
    assert report.parts == ()
    assert [problem.problem.column for problem in report.problems] == ["user"]  # type: ignore[union-attr]


async def test_a_manifest_that_is_gone_is_reported(batches: Batches) -> None:
    report = await batches.run(title="Gone", manifests=(ManifestFile(group="lab-a", path="no such.csv"),))
    assert [cause.category for cause in report.causes()] == [FailureCategory.FILE_NOT_FOUND]
