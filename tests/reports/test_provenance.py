"""What a page says of the model that answered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reports.provenance import build_provenance
from tests.support.make_run import make_run

RUN = make_run()
FOLDER = "/home/a/adapters/mood"


@pytest.mark.parametrize(
    ("name", "shown"), [("adapters/mood", None), (f"{FOLDER}/", None), ("tuned", FOLDER)]
)
def test_an_adapters_folder_is_shown_where_the_name_does_not_say_it(
    name: str, shown: str | None
) -> None:
    model = {**RUN.manifest["model"], "name": name, "adapter": FOLDER}
    run = replace(RUN, manifest={**RUN.manifest, "model": model})
    assert dict(build_provenance(run).facts).get("Adapter") == shown
