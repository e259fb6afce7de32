"""Data to train on: digits, folders of images, what is wrong with them, and how they are read."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("PIL")

from PIL import Image
from small_training import image_folder

from mnet_cost.torch_model.training.augment import (
    Augmentation,
    augmented,
    middle_box,
    plain,
    random_box,
    to_tensor,
)
from mnet_cost.torch_model.training.data import DataError, load_dataset, split_by_class
from mnet_cost.torch_model.training.feed import Batches, Key, TrainingPictures
from mnet_cost.torch_model.training.folder import read_picture


def refusal(name: str, strict: bool = False) -> str:
    """The first line of what is wrong with a data set."""
    with pytest.raises(DataError) as caught:
        load_dataset(name, 3, strict)
    return str(caught.value).splitlines()[0]


def test_digits() -> None:
    digits = load_dataset("digits", 1)
    assert len(digits.train.labels) + len(digits.test.labels) == 1797
    assert len(digits.train.pictures) == len(digits.train.labels)
    # 174 to 183 of each digit (the data's description), of which a fifth is 35 to 37
    assert sorted({digits.test.labels.count(label) for label in range(10)}) == [35, 36, 37]
    picture = digits.train.pictures.read(0)
    assert (picture.mode, picture.size) == ("L", (8, 8))
    assert load_dataset("digits", 3).train.pictures.read(0).mode == "RGB"
    # the first row of the data set, a zero, begins 0 0 5 13 9 1
    assert list(digits.train.pictures.read(0).tobytes()[:6]) == [0, 0, 80, 208, 144, 16]
    assert digits.fingerprint == load_dataset("digits", 1).fingerprint


def test_a_split_takes_a_fifth_of_each_class_and_at_least_one() -> None:
    labels = [0] * 10 + [1] * 2 + [0] * 5
    train, test = split_by_class(labels)
    assert sorted(train + test) == list(range(17))
    assert [sum(labels[i] == label for i in test) for label in (0, 1)] == [3, 1]
    assert split_by_class(labels) == (train, test)


def test_a_folder_is_split_by_class(tmp_path: Path) -> None:
    data = load_dataset(str(image_folder(tmp_path / "x", {"cat": 10, "dog": 5})), 3)
    assert data.classes == ("cat", "dog")
    assert [data.train.labels.count(i) for i in (0, 1)] == [8, 4]
    assert [data.test.labels.count(i) for i in (0, 1)] == [2, 1]
    assert data.train.pictures.read(0).size == (12, 12)
    assert not data.unreadable


@pytest.mark.parametrize("name", ["val", "test", "validation"])
def test_a_split_of_the_user_is_kept(tmp_path: Path, name: str) -> None:
    image_folder(tmp_path / "train", {"cat": 3, "dog": 1})
    image_folder(tmp_path / name, {"dog": 2})
    data = load_dataset(str(tmp_path), 3)
    assert data.classes == ("cat", "dog")
    assert data.train.labels == (0, 0, 0, 1)
    assert data.test.labels == (1, 1)


def test_train_alone_is_split(tmp_path: Path) -> None:
    image_folder(tmp_path / "train", {"cat": 4, "dog": 4})
    data = load_dataset(str(tmp_path), 3)
    assert (len(data.train.labels), len(data.test.labels)) == (6, 2)


def test_folders_that_cannot_be_trained_on(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert refusal(str(missing)) == f"{missing}: is not there"
    file = tmp_path / "file"
    file.touch()
    assert refusal(str(file)) == f"{file}: is no folder"
    empty = tmp_path / "empty"
    empty.mkdir()
    assert refusal(str(empty)) == f"{empty}: has no sub-folders, so no classes"
    (empty / "cat").mkdir()
    (empty / "cat" / "notes.txt").touch()
    assert refusal(str(empty)) == f"{empty}: has no images in its sub-folders"
    folder = image_folder(tmp_path / "one", {"cat": 3})
    assert refusal(str(folder)) == (
        f"{folder}: has images of one class alone, `cat`; there must be two to tell apart"
    )
    few = image_folder(tmp_path / "few", {"cat": 3, "dog": 1})
    assert refusal(str(few)) == (
        f"{few}: the class `dog` has 1 images that can be read; it needs at least 2"
    )
    image_folder(tmp_path / "other" / "train", {"cat": 3, "dog": 3})
    other = image_folder(tmp_path / "other" / "val", {"cat": 1, "cow": 1})
    assert refusal(str(tmp_path / "other")) == (
        f"{other}: has the class `cow`, which `train` does not have"
    )
    with pytest.raises(DataError, match="takes images of 4 channels"):
        load_dataset("digits", 4)


def test_unreadable_images_are_left_out(tmp_path: Path) -> None:
    root = image_folder(tmp_path / "x", {"cat": 6, "dog": 6}, size=40)
    whole = (root / "cat" / "0.png").read_bytes()
    (root / "cat" / "0.png").write_bytes(whole[: len(whole) // 2])
    (root / "cat" / "1.png").write_text("no image")
    (root / "dog" / "2.jpg").write_bytes(b"")
    with Image.open(root / "dog" / "3.png") as image:
        image.save(root / "dog" / "3.jpg")
    jpeg = (root / "dog" / "3.jpg").read_bytes()
    (root / "dog" / "3.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    seen = []
    data = load_dataset(str(root), 3, seen=lambda done, total: seen.append((done, total)))
    assert [line.split(": ")[0][len(str(root)) + 1 :] for line in data.unreadable] == [
        "cat/0.png", "cat/1.png", "dog/2.jpg", "dog/3.jpg",
    ]  # fmt: skip
    assert "truncated" in data.unreadable[3]
    assert len(data.train.labels) + len(data.test.labels) == 10
    assert seen[-1] == (14, 14)
    assert refusal(str(root), strict=True) == data.unreadable[0]


def test_pictures_of_all_modes_are_read(tmp_path: Path) -> None:
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"):
        path = tmp_path / f"x.{'tif' if mode == 'CMYK' else 'png'}"
        Image.new(mode, (5, 4)).save(path)
        for wanted in ("L", "RGB"):
            picture = read_picture(str(path), wanted)
            assert (picture.mode, picture.size) == (wanted, (5, 4))
    deep = Image.new("I;16", (1, 1), 0x8000)
    deep.save(tmp_path / "deep.png")
    assert read_picture(str(tmp_path / "deep.png"), "L").getpixel((0, 0)) == 0x80


def test_boxes() -> None:
    assert middle_box((100, 50), 1.0, 1.0) == (25, 0, 75, 50)
    assert middle_box((100, 50), 0.5, 1.0) == (37.5, 12.5, 62.5, 37.5)
    assert middle_box((100, 50), 1.0, 4.0) == (0, 12.5, 100, 37.5)
    for seed in range(200):
        left, top, right, bottom = random_box((60, 40), 0.25, random.Random(seed))
        assert 0 <= left < right <= 60
        assert 0 <= top < bottom <= 40
        wide, high = right - left, bottom - top
        assert 3 / 4 - 1e-9 <= wide / high <= 4 / 3 + 1e-9
        assert wide * high >= 0.25 * 60 * 40 - 1e-9
    # no part of so flat a picture has an aspect of 4:3 and all of its area: its middle is taken
    left, top, right, bottom = random_box((400, 30), 1.0, random.Random(0))
    assert (left, top, right, bottom) == pytest.approx((180, 0, 220, 30))


def test_a_picture_as_a_tensor() -> None:
    picture = Image.frombytes("RGB", (2, 1), bytes([0, 255, 51, 102, 0, 255]))
    tensor = to_tensor(picture)
    assert tensor.shape == (3, 1, 2)
    expected = [[[-1.0, -0.2]], [[1.0, -1.0]], [[-0.6, 1.0]]]
    assert [[[round(x, 6) for x in row] for row in plane] for plane in tensor.tolist()] == expected


def test_augmentation_depends_on_seed_epoch_and_number_alone(tmp_path: Path) -> None:
    data = load_dataset(str(image_folder(tmp_path / "x", {"a": 4, "b": 4})), 3)
    how = Augmentation(smallest_crop=0.3, mirror=True, jitter=0.2)
    pictures = TrainingPictures(data.train, (9, 7), how, seed=1)

    def image(pictures: TrainingPictures, key: Key) -> Any:
        return pictures[key][0]

    first = image(pictures, Key(0, 2))
    image(pictures, Key(5, 1))
    assert first.shape == (3, 9, 7)
    assert first.equal(image(pictures, Key(0, 2)))
    assert not first.equal(image(pictures, Key(1, 2)))
    other_seed = TrainingPictures(data.train, (9, 7), how, seed=2)
    assert not first.equal(image(other_seed, Key(0, 2)))


def test_all_of_it_and_nothing_changed_is_the_picture() -> None:
    picture = Image.frombytes("L", (3, 3), bytes(range(0, 90, 10)))
    nothing = Augmentation(smallest_crop=1.0, mirror=False, jitter=0.0, central_crop=1.0)
    assert plain(picture, (3, 3), nothing).tobytes() == picture.tobytes()
    mirror = nothing._replace(mirror=True)
    for seed in range(20):
        image = augmented(picture, (3, 3), mirror, random.Random(seed))
        assert image.size == (3, 3)


def test_batches_go_on_from_any_step() -> None:
    whole = list(Batches(pictures=11, batch=3, seed=4, epochs=3, epoch=0, step=0))
    assert len(whole) == 9
    for epoch in range(3):
        numbers = [key.number for batch in whole[3 * epoch : 3 * epoch + 3] for key in batch]
        assert len(set(numbers)) == 9
        assert {key.epoch for batch in whole[3 * epoch : 3 * epoch + 3] for key in batch} == {epoch}
    for done in range(10):
        rest = Batches(pictures=11, batch=3, seed=4, epochs=3, epoch=done // 3, step=done % 3)
        assert list(rest) == whole[done:]
    assert whole[:3] != list(Batches(11, 3, 5, 1, 0, 0))
