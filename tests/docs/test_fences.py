"""Where blocks of code begin and end."""

import pytest

from tests.docs.pages import Block, commands, fenced, prose

PAGE = """# Page

```{toctree}
:maxdepth: 1

first
```

Words, `proxiscope info
a.mrc`.

```python
print("1")
```

1. In a list:

   ```sh
   proxiscope algorithms
     --json
   ```

````text
```python
not_code()
```
````

~~~
```
~~~
"""


def test_each_block_ends_at_its_own_fence():
    assert fenced(PAGE) == [
        Block("{toctree}", ":maxdepth: 1\n\nfirst\n", 3),
        Block("python", 'print("1")\n', 12),
        Block("sh", "proxiscope algorithms\n  --json\n", 18),
        Block("text", "```python\nnot_code()\n```\n", 23),
        Block("", "```\n", 29),
    ]


def test_a_text_without_blocks_has_none():
    assert fenced("Words with `code` and ```code``` in them.\n") == []


def test_a_block_without_an_end_is_an_error():
    with pytest.raises(ValueError, match="line 2 has no end"):
        fenced("\n```sh\nproxiscope algorithms\n")


def test_prose_and_commands_are_told_apart(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    assert prose(page).split() == ["#", "Page", "Words,", "`proxiscope", "info", "a.mrc`.", "1.", "In", "a", "list:"]
    assert prose(page).count("\n") == PAGE.count("\n")
    assert "proxiscope info a.mrc" in commands(page)
    assert "proxiscope algorithms" in commands(page)
