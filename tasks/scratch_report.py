"""What the nightly tidying of a cluster did, as a page of its run."""

from __future__ import annotations

from collections.abc import Sequence

from prefect.artifacts import acreate_markdown_artifact

from contracts.finding import artifact_key
from contracts.scratch_folder import ScratchFolder
from tasks.report import MOST_ROWS, as_text


async def publish_scratch_report(cluster: str, folders: Sequence[ScratchFolder]) -> str:
    """Publish the table of folders; the line that sums it up."""
    removed = sum(folder.removed for folder in folders)
    summary = f"{removed} folders of old runs removed, {len(folders) - removed} kept"
    await acreate_markdown_artifact(
        markdown=as_table(folders), key=artifact_key(f"cluster-{cluster}-tidied"), description=summary
    )
    return summary


def as_table(folders: Sequence[ScratchFolder]) -> str:
    """One row a folder, the removed ones first as they come."""
    rows = ["| Run | Untouched for | | Why |", "| --- | --- | --- | --- |"]
    for folder in folders[:MOST_ROWS]:
        what = "removed" if folder.removed else "kept"
        rows.append(f"| `{folder.token}` | {folder.days:.0f} days | {what} | {as_text(folder.why)} |")
    if len(folders) > MOST_ROWS:
        rows.append(f"| | | | and {len(folders) - MOST_ROWS} more |")
    return "\n".join(rows)
