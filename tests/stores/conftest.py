"""Shared by the tests of stores."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("stores.store_contract", "stores.store_cases")
