"""docs/how-to/preparation.md says what is so."""

import json
import re

from proxiscope.preparation import as_step

from .steps_table import PAGE, table, written


def test_the_table_of_steps_is_up_to_date():
    assert written() == table(), "run python -m tests.preparation.steps_table"


def test_its_python_runs(capsys):
    code, *_ = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)  # the rest needs files
    exec(compile(code, PAGE.name, "exec"), {})
    assert "exposures joined" in capsys.readouterr().out


def test_its_chain_is_one():
    (chain,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert "centre" in [as_step(given).name for given in json.loads(chain)]
