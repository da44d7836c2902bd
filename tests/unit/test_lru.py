from __future__ import annotations

import copy
import pickle
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdjp.lru import Lru


def length(key: str, value: str) -> int:
    return len(key) + len(value)


def test_the_very_same_comes_back() -> None:
    memory = Lru[str, str](20, length)
    value = "cat " * 2
    memory.put("猫", value)
    assert memory.get("猫") is value
    assert memory.get("犬") is None


def test_what_was_used_longest_ago_is_forgotten() -> None:
    memory = Lru[str, str](6, length)
    for word in ("a", "b", "c"):
        memory.put(word, word)
    assert memory.get("a") == "a"  # used again
    memory.put("d", "d")
    assert [memory.get(word) for word in "abcd"] == ["a", None, "c", "d"]


def test_what_is_too_large_pushes_nothing_out() -> None:
    memory = Lru[str, str](6, length)
    memory.put("a", "a")
    memory.put("b", "long enough")
    assert memory.get("b") is None
    assert memory.get("a") == "a"
    memory.put("a", "too long to stay")  # nor may the old value stay
    assert memory.get("a") is None
    assert (len(memory), memory.size) == (0, 0)


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=12)), max_size=40), st.integers(0, 30))
@settings(max_examples=100)
def test_it_stays_within_its_limit_and_gives_the_last_value(pairs: list[tuple[str, str]], limit: int) -> None:
    memory = Lru[str, str](limit, length)
    for key, value in pairs:
        memory.put(key, value)
        assert memory.size <= limit
    last = dict(pairs)
    held = {key: found for key in last if (found := memory.get(key)) is not None}
    assert all(last[key] == value for key, value in held.items())
    assert memory.size == sum(length(*item) for item in held.items())
    memory.clear()
    assert (len(memory), memory.size) == (0, 0)


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda memory: pickle.loads(pickle.dumps(memory))])
def test_a_copy_begins_empty(twin: object) -> None:
    memory = Lru[str, str](20, length)
    memory.put("猫", "cat")
    other = twin(memory)  # type: ignore[operator]
    assert (len(other), other.limit) == (0, 20)
    other.put("犬", "dog")
    assert len(memory) == 1


def test_threads_share_it() -> None:
    memory = Lru[int, int](50, lambda key, value: 1)
    wrong = []

    def work(first: int) -> None:
        for i in range(first, first + 500):
            memory.put(i % 80, i % 80)
            found = memory.get((i * 7) % 80)
            wrong.extend([found] if found is not None and found != (i * 7) % 80 else [])

    threads = [threading.Thread(target=work, args=(n * 13,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(memory) == memory.size == 50
