"""A pipeline that is killed all the way through ends as one left in peace: `make test-slow`."""

import os
import random
from pathlib import Path

from tests.clones import Clone, differences
from tests.conftest import TINY, Reproduced
from tests.crashes import finish, left_behind


def test_a_pipeline_killed_at_random_moments_writes_the_same_bytes(
    reproduced: Reproduced, tmp_path: Path
) -> None:
    kills = int(os.environ.get("KILLS", "25"))
    seed = int(os.environ.get("SEED", random.randrange(10**6)))
    print(f"KILLS={kills} SEED={seed} draws these moments again")
    chance = random.Random(seed)
    killed = 0
    while killed < kills:
        clone = Clone.of_working_tree(tmp_path / f"killed{killed}")
        clone.set_parameters(**TINY)
        (clone.path / "dvc.lock").unlink(missing_ok=True)
        killed += finish(clone, chance, kills - killed, 20)
        assert differences(reproduced.clone.path, clone.path) == []
        assert left_behind(clone.path) == []
