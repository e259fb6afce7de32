"""Columns of words: for each point a small number that says which of a few words is there.

A column of a sweep has few different words, and many points. As an array of NumPy's texts it takes
some 50 bytes a point; so it takes one, and Parquet is given numbers and words as they are. It is
compared, indexed and read as an array of words would be. An empty word stands for none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Words:
    """A word for each point: that of the number of the point."""

    codes: Any
    """Array of signed integers, the places of words in `words`."""
    words: tuple[str, ...]
    """Each word once; there may be words that no point has."""

    __hash__ = None  # type: ignore[assignment]  # as an array

    @classmethod
    def of(cls, values: Iterable[str], words: Sequence[str] = ()) -> Words:
        """`values` as a column; its `words` come first, in their order."""
        import numpy

        places = {word: code for code, word in enumerate(dict.fromkeys(words))}
        codes = [places.setdefault(value, len(places)) for value in values]
        return cls(numpy.array(codes, dtype=_code_type(len(places))), tuple(places))

    @classmethod
    def joined(cls, columns: Sequence[Words]) -> Words:
        """Columns one after another."""
        import numpy

        words = tuple(dict.fromkeys(word for column in columns for word in column.words))
        codes = [column.codes_in(words) for column in columns]
        return cls(numpy.concatenate(codes) if codes else cls.of(()).codes, words)

    def codes_in(self, words: Sequence[str]) -> Any:
        """The numbers that the points have where `words`, all of these words and others, are
        numbered."""
        import numpy

        if tuple(words[: len(self.words)]) == self.words:
            return self.codes
        places = {word: code for code, word in enumerate(words)}
        moved = numpy.array([places[word] for word in self.words], dtype=_code_type(len(words)))
        return moved[self.codes]

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[str]:
        return iter(self.tolist())

    def __getitem__(self, index: Any) -> Any:
        """A word for the number of a point, a column for a slice, a mask or an array of numbers."""
        codes = self.codes[index]
        return Words(codes, self.words) if codes.ndim else self.words[codes]

    def __eq__(self, other: object) -> Any:
        """For each point, whether its word is `other`, which is a word or an array of words."""
        import numpy

        if not isinstance(other, str):
            return numpy.asarray(self) == numpy.asarray(other)
        code = self.words.index(other) if other in self.words else -1
        return self.codes == code

    def __ne__(self, other: object) -> Any:
        return ~(self == other)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """What NumPy makes of it: an array of texts."""
        import numpy

        return numpy.array(self.words, dtype=dtype or str)[self.codes]

    def __repr__(self) -> str:
        return f"<Words {', '.join(map(repr, self.words[:8]))}: {len(self):,} points>"

    def tolist(self) -> list[str]:
        """The word of each point."""
        return [self.words[code] for code in self.codes.tolist()]


def repeated(column: Any, points: int) -> Any:
    """A column of one value, or a `Words` of one point, seen `points` times."""
    import numpy

    if isinstance(column, Words):
        return Words(numpy.broadcast_to(column.codes, points), column.words)
    return numpy.broadcast_to(column, points)


def _code_type(words: int) -> str:
    return "int8" if words <= 127 else "int32"
