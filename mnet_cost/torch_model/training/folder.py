"""A data set in a folder of images, with a sub-folder for each class.

If it has `train/`, and `val/`, `validation/` or `test/`, the split is the user's; else a share of
each class becomes the test split. Every file is decoded once before training begins, so that a
damaged file does not end a training after hours.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from mnet_cost.errors import Problem
from mnet_cost.escaping import printable
from mnet_cost.files import open_file
from mnet_cost.paths import is_there, naming
from mnet_cost.torch_model.installed import require
from mnet_cost.torch_model.training.data import (
    DataError,
    Dataset,
    Picture,
    Split,
    fingerprint,
    members_of,
    picture_mode,
    split_by_class,
)

LAYOUT = "a folder with a sub-folder of images for each class: FOLDER/cat/1.jpg, FOLDER/dog/1.jpg"

_TEST_NAMES = ("val", "validation", "test")
_MOST_SHOWN = 5


class File(NamedTuple):
    """An image file and the name of its class."""

    path: Path
    label: str


class Files:
    """`Pictures` in files, which are read when they are needed."""

    def __init__(self, paths: Sequence[Path], mode: str) -> None:
        self.paths = tuple(str(path) for path in paths)
        self.mode = mode

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int) -> Picture:
        """The picture, upright; `OSError` if it cannot be read any more."""
        return read_picture(self.paths[index], self.mode)


def read_picture(path: str, mode: str) -> Picture:
    """The image in a file as `mode`, `L` or `RGB`, upright as its metadata say.

    Raises `OSError` for a file that is no image, is damaged or is suspiciously large.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings(), open_file(path) as file, Image.open(file) as image:
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = ImageOps.exif_transpose(image)
            if picture.mode.startswith("I"):  # 16 bits a pixel: `convert` would cut, not scale
                picture = picture.convert("I").point(lambda value: value / 256)
            if picture.mode == "P":  # colours of a palette may be transparent
                picture = picture.convert("RGBA")
            return picture.convert(mode)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as reason:
        raise OSError(str(reason)) from None
    except (ValueError, SyntaxError, EOFError, TypeError, IndexError) as reason:
        # Pillow's readers raise these on damaged headers, each format its own.
        raise OSError(str(reason) or "damaged") from None


def load_folder(
    name: str, channels: int, strict: bool = False, seen: Callable[[int, int], None] | None = None
) -> Dataset:
    """The data set in the folder `name`, as pictures of 1 or 3 channels; see `data.load_dataset`.

    Raises `DataError`, with a way out, for a folder that cannot be trained on.
    """
    require("PIL", extra="train")
    mode = picture_mode(channels)
    root = Path(name)
    with naming(name, "cannot be read", DataError, shown="--data"):
        there = is_there(root)
    if not root.is_dir():
        what = "is no folder" if there else "is not there"
        raise DataError(Problem(f"{name}: {what}", hint=f"--data takes `digits` or {LAYOUT}"))
    given = [root / part for part in _TEST_NAMES if (root / part).is_dir()]
    if (root / "train").is_dir() and _subfolders(root / "train"):
        train, classes = _files_of(root / "train")
        parts = [root / "train", *given[:1]]
        test = _files_of(given[0], least=1)[0] if given else []
        _refuse_other_classes(given[0] if given else root, test, classes)
    else:
        train, classes = _files_of(root)
        parts = [root]
        test = []
    bad = _unreadable([*train, *test], mode, seen)
    if bad and strict:
        raise DataError(_refused(name, bad))
    train = [file for file in train if file.path not in bad]
    test = [file for file in test if file.path not in bad]
    labels = [classes.index(file.label) for file in train]
    _refuse_small_classes(root, classes, labels, test_apart=bool(given))
    if given and not test:
        raise DataError(f"{given[0]}: has no image that can be read")
    if not test:
        numbers = split_by_class(labels)
        train, test = ([train[i] for i in part] for part in numbers)
    return Dataset(
        name=name,
        classes=classes,
        train=_split(train, classes, mode),
        test=_split(test, classes, mode),
        mirrors=True,
        smallest_crop=0.0,
        natural_size=None,
        fingerprint=_fingerprint(root, [*train, *test]),
        unreadable=tuple(f"{printable(str(path))}: {why}" for path, why in bad.items()),
        ignored_folders=_ignored_folders(parts, classes),
        ignored_files=_ignored_files(parts, classes),
    )


def _ignored_folders(parts: Sequence[Path], classes: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        printable(str(path))
        for part in parts
        for path in sorted(part.iterdir())
        if path.is_dir()
        and (path.name[0] in "._" or (part == parts[0] and path.name not in classes))
    )


def _ignored_files(parts: Sequence[Path], classes: Sequence[str]) -> tuple[str, ...]:
    endings = _endings()
    return tuple(
        printable(str(Path(base) / name))
        for part in parts
        for label in classes
        for base, _, names in os.walk(part / label, followlinks=False)
        for name in sorted(names)
        if name[0] != "." and Path(name).suffix.lower() not in endings
    )


def _endings() -> set[str]:
    from PIL import Image

    return set(Image.registered_extensions())


def _subfolders(folder: Path) -> list[Path]:
    with naming(folder, "cannot be read", DataError):
        folders = [path for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._"]
    return sorted(folders)


def _files_of(folder: Path, least: int = 2) -> tuple[list[File], tuple[str, ...]]:
    """(image files below the sub-folders of `folder`, names of the sub-folders that have some).

    Raises `DataError` if fewer than `least` sub-folders have some.
    """
    endings = _endings()
    files = [
        File(Path(base) / name, sub.name)
        for sub in _subfolders(folder)
        for base, _, names in os.walk(sub, followlinks=False)
        for name in sorted(names)
        if name[0] != "." and Path(name).suffix.lower() in endings
    ]
    files.sort()
    classes = tuple(sorted({file.label for file in files}))
    if len(classes) < least:
        if not _subfolders(folder):
            what = "has no sub-folders, so no classes"
        elif not classes:
            what = "has no images in its sub-folders"
        else:
            what = f"has images of one class alone, `{classes[0]}`; there must be two to tell apart"
        raise DataError(Problem(f"{folder}: {what}", hint=f"--data takes {LAYOUT}"))
    return files, classes


def _unreadable(
    files: Sequence[File], mode: str, seen: Callable[[int, int], None] | None
) -> dict[Path, str]:
    """The reason for each file that cannot be decoded. Pillow decodes several in threads."""

    def why(file: File) -> str | None:
        try:
            read_picture(str(file.path), mode)
        except OSError as reason:
            # Pillow puts the path into some of its messages; it is shown before the reason anyway.
            return (reason.strerror or str(reason).split(" '")[0] or "damaged").lower()
        return None

    bad = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, (file, reason) in enumerate(zip(files, pool.map(why, files), strict=True), 1):
            if reason is not None:
                bad[file.path] = reason
            if seen is not None:
                seen(done, len(files))
    return bad


def _refused(name: str, bad: dict[Path, str]) -> list[Problem]:
    problems = [Problem(f"{path}: {why}") for path, why in list(bad.items())[:_MOST_SHOWN]]
    return [
        *problems,
        Problem(
            f"{name}: {len(bad)} images cannot be read",
            hint="mend or remove them, or leave --strict out: then they are skipped",
        ),
    ]


def _refuse_other_classes(folder: Path, files: Sequence[File], classes: Sequence[str]) -> None:
    unknown = sorted({file.label for file in files} - set(classes))
    if unknown:
        raise DataError(
            Problem(
                f"{folder}: has the class `{unknown[0]}`, which `train` does not have",
                hint="both must have the same sub-folders",
            )
        )


def _refuse_small_classes(
    root: Path, classes: Sequence[str], labels: Sequence[int], test_apart: bool
) -> None:
    members = members_of(labels)
    least = 1 if test_apart else 2
    for number, name in enumerate(classes):
        if len(members.get(number, ())) < least:
            raise DataError(
                Problem(
                    f"{root}: the class `{name}` has {len(members.get(number, ()))} images that "
                    f"can be read; it needs at least {least}",
                    hint="add images, or take the folder away",
                )
            )


def _split(files: Sequence[File], classes: Sequence[str], mode: str) -> Split:
    number = {name: i for i, name in enumerate(classes)}
    labels = tuple(number[file.label] for file in files)
    return Split(Files([file.path for file in files], mode), labels)


def _fingerprint(root: Path, files: Sequence[File]) -> str:
    return fingerprint(
        [
            f"{file.path.relative_to(root).as_posix()} {file.path.stat().st_size}".encode(
                errors="surrogateescape"
            )
            for file in files
        ]
    )
