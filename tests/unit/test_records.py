"""Records on disk: whatever is there, reading answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.records import as_text, read_lines, read_record, write_record


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "record.json"
    write_record(path, {"b": 1, "a": ["ä"]}, 0o640)
    assert read_record(path) == {"b": 1, "a": ["ä"]}
    assert path.stat().st_mode & 0o777 == 0o640
    assert as_text({"b": 1, "a": 2}, sort_keys=True) == '{\n  "a": 2,\n  "b": 1\n}\n'


@pytest.mark.parametrize("content", [None, b"", b"{", b"[1]", b"null", b"\xff\xfe{"])
def test_what_is_no_record_is_an_empty_one(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "record.json"
    if content is not None:
        path.write_bytes(content)
    assert read_record(path) == {}


def test_a_log_whose_last_line_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert list(read_lines(path)) == []
    path.write_bytes(b'{"type": "a"}\n\nnull\nplain words \xff\n{"type": "b"}\n{"type": "c')
    assert [line["type"] for line in read_lines(path)] == ["a", "b"]
