"""Verdicts on printed figures, with numbers worked out by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest

from mnet_cost.papers.types import Cell
from mnet_cost.papers.verdict import Match, Ours, judge
from mnet_cost.printed import Rounding, parse_printed

V1 = Ours(Fraction(568_740_352), "mobilenet_v1", "conv + linear")
BODY = Ours(Fraction(567_716_352), "mobilenet_v1", "without linear layers")
FLOPS = Ours(Fraction(1_137_480_704), "mobilenet_v1", "2 x mult-adds (FLOPs)")


def cell(printed: str, typo: str | None = None, why: str = "") -> Cell:
    corrected = None if typo is None else parse_printed(typo)
    return Cell("mult_adds", parse_printed(printed), corrected, why)


@pytest.mark.parametrize(
    ("printed", "verdict", "ours", "rounding"),
    [
        ("568740352", "exact", V1, "exact"),
        ("569 M", "rounded", V1, "rounded"),
        ("568.7 M", "rounded", V1, "rounded"),
        # 568.74 cut is 568; 567.72 is 568 to the nearest, but the table's own counting goes first.
        ("568 M", "truncated", V1, "truncated"),
        ("567.7 M", "convention", BODY, "rounded"),
        ("567 M", "convention", BODY, "truncated"),
        ("1.137 G", "convention", FLOPS, "rounded"),
        ("575 M", "unexplained", V1, None),
    ],
)
def test_own_counting_first_then_the_others(
    printed: str, verdict: str, ours: Ours, rounding: Rounding | None
) -> None:
    judgement = judge(cell(printed), V1, [BODY, FLOPS])
    assert (judgement.verdict, judgement.ours) == (verdict, V1)
    assert judgement.match == (None if rounding is None else Match(ours, rounding))


def test_rounded_twice() -> None:
    # 149.4976 to one digit is 149.5, and that to none is 150.
    judgement = judge(cell("150 M"), Ours(Fraction(149_497_600), "half", "conv + linear"))
    assert judgement.verdict == "rounded twice"


def test_among_others_the_closest_rounding_wins_and_then_the_first() -> None:
    # 290.9 cut is 290, 289.6 and 290.4 are 290 to the nearest.
    cut, near, nearer = (
        Ours(Fraction(number), name, "")
        for number, name in ((290_900_000, "a"), (289_600_000, "b"), (290_400_000, "c"))
    )
    judgement = judge(cell("290 M"), V1, [cut, near, nearer])
    assert (judgement.verdict, judgement.ours, judgement.match) == (
        "convention",
        V1,
        Match(near, "rounded"),
    )


def test_a_typo_is_believed_only_if_ours_is_the_correction() -> None:
    ours = Ours(Fraction(10_838_016, 568_740_352) * 100, "mobilenet_v1")  # 1.9056 %
    assert judge(cell("1.19", typo="1.91"), ours).verdict == "typo"
    assert judge(cell("1.19", typo="1.92"), ours).verdict == "refuted"
    assert judge(cell("1.19"), ours).verdict == "unexplained"


def test_a_correction_or_a_reason_of_a_figure_that_is_ours_is_refuted() -> None:
    assert judge(cell("569 M", typo="570 M"), V1).verdict == "refuted"
    assert judge(cell("569 M", why="nobody knows"), V1).verdict == "refuted"
    assert judge(cell("567.7 M", why="nobody knows"), V1, [BODY]).verdict == "refuted"


def test_a_reason_makes_it_not_reproducible() -> None:
    judgement = judge(cell("575 M", why="nobody knows"), V1, [BODY, FLOPS])
    assert (judgement.verdict, judgement.ours, judgement.note) == (
        "not reproducible",
        V1,
        "nobody knows",
    )


def test_a_row_that_means_another_setting_is_a_typo() -> None:
    # arXiv:1704.04861, Table 14: 166 M stands in a row labelled 128, and is that of 160 pixels.
    labelled = Ours(Fraction(106_770_432), "0.75 at 128", "conv + linear")
    meant = Ours(Fraction(166_396_800), "0.75 at 160", "conv + linear")
    judgement = judge(cell("166 M"), labelled, meant=[meant])
    assert (judgement.verdict, judgement.ours, judgement.match) == (
        "typo",
        labelled,
        Match(meant, "rounded"),
    )


def test_a_typo_that_is_counted_otherwise_is_a_typo() -> None:
    # mobilenet_v1.md of TF-slim prints 317 M, the 325,401,216 without the first 8,128,512.
    own = Ours(Fraction(325_401_216), "0.75", "conv + linear")
    other = Ours(Fraction(317_272_704), "0.75", "without the first convolution")
    judgement = judge(cell("317 M", typo="325 M"), own, [other])
    assert judgement.verdict == "typo"
    assert (judgement.right, judgement.match) == (Match(own, "rounded"), Match(other, "rounded"))
    # But not where ours is not the correction.
    assert judge(cell("317 M", typo="326 M"), own, [other]).verdict == "refuted"


def test_what_a_table_says_is_truncated_is_not_rounded() -> None:
    ours = Ours(Fraction(153_941_888), "mobilenet_v2", "conv + linear")  # 0.75 at 192 pixels
    assert judge(cell("153 M"), ours, truncated=True).verdict == "truncated"
    assert judge(cell("154 M"), ours, truncated=True).verdict == "unexplained"
    assert judge(cell("154 M"), ours).verdict == "rounded"
    assert judge(cell("154 M"), V1, [ours], truncated=True).verdict == "unexplained"
    assert judge(cell("568 M"), V1, truncated=True).verdict == "truncated"
    assert judge(cell("568740352"), V1, truncated=True).verdict == "exact"
    assert judge(cell("0 G"), V1, truncated=True).verdict == "unexplained"


def test_a_match_of_chosen_settings_is_fitted() -> None:
    chosen = cell("569 M")._replace(chosen="224 pixels")
    judgement = judge(chosen, V1, [BODY])
    assert (judgement.verdict, judgement.match, judgement.note) == (
        "fitted", Match(V1, "rounded"), "224 pixels",
    )  # fmt: skip
    assert judge(cell("570 M")._replace(chosen="224 pixels"), V1).verdict == "unexplained"
    refuted = cell("569 M", why="nobody knows")._replace(chosen="224 pixels")
    assert judge(refuted, V1).verdict == "refuted"


def test_words_are_exact_or_not() -> None:
    stride = Ours("Conv dw / s1", "mobilenet_v1")
    assert judge(Cell("type", "Conv dw / s1"), stride).verdict == "exact"
    assert judge(Cell("type", "Conv dw / s2"), stride).verdict == "unexplained"
    assert judge(Cell("type", "Conv dw / s2", "Conv dw / s1"), stride).verdict == "typo"
    assert judge(Cell("type", "Conv dw / s2", "Conv dw / s3"), stride).verdict == "refuted"
