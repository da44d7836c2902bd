"""The sites in a real browser: search, languages, the phone; and that they ask no other machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.browser.page import Page

OPENED: Final = "return document.querySelector('.md-search__button') !== null && document.readyState === 'complete'"
SHADOW: Final = "document.querySelector('[data-md-component=search]')"
