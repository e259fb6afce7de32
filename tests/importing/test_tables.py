"""Operators of ONNX and Keras by file: tables are what the files have, and import few of them."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from types import ModuleType

import pytest

from mnet_cost.importing.mapping import keras, onnx

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("dialect", "file"), [(dialect, file) for dialect in (onnx, keras) for file in dialect.FILES]
)
def test_the_table_names_the_operators_of_each_file(dialect: ModuleType, file: str) -> None:
    rules = import_module(f"{dialect.__name__}.{file}").RULES
    assert sorted(rules) == sorted(dialect.FILES[file].split())


@pytest.mark.parametrize("dialect", [onnx, keras])
def test_no_operator_is_in_two_files(dialect: ModuleType) -> None:
    names = [name for words in dialect.FILES.values() for name in words.split()]
    assert len(names) == len(set(names)) == len(dialect.TABLE.rules)
    assert not set(names) & set(dialect.TABLE.refused)


def test_a_file_is_imported_with_its_first_operator() -> None:
    program = (
        "import sys\n"
        "from mnet_cost.importing.mapping.onnx import FILES, TABLE\n"
        "where = 'mnet_cost.importing.mapping.onnx'\n"
        "def there(): return [x for x in FILES if f'{where}.{x}' in sys.modules]\n"
        "assert 'Conv' in TABLE.rules and 'Convolution' not in TABLE.rules\n"
        "assert there() == [], there()\n"
        "TABLE.rules['Conv'], TABLE.rules['Relu']\n"
        "assert there() == ['convolutions', 'activations'], there()\n"
        "assert TABLE.rules.get('Convolution') is None\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
