"""What the command `label` prints and writes."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.csv
import pytest
from PIL import Image

from builder.errors import UserError
from builder.inspect.label_explain import explain
from builder.inspect.label_report import CLASS_TABLE, class_csv, class_table, describe_classes
from builder.inspect.label_thresholds import threshold_chart, threshold_table, thresholds_around
from builder.recipe import Recipe
from builder.stages.label.assign import Labelling, assign_labels
from tests.stages.tables import table

ROWS = (
    [
        {"organism": "human", "compound": "dmso", "cell_type": "u2os", "dir_name": "s1", "idx": f"s1-{i}"}
        for i in range(30)
    ]
    + [{"organism": "human", "compound": "rare", "dir_name": "s1", "idx": f"s1-{i}"} for i in range(30, 34)]
    + [{"organism": "human", "cell_type": "hela", "dir_name": "s2", "idx": f"s2-{i}"} for i in range(10)]
    + [{"phenotype": "dmso", "idx": f"s3-{i}", "dir_name": "s3"} for i in range(5)]
)
RECIPE = Recipe(min_images=4, class_size=20)


@pytest.fixture
def labelling() -> Labelling:
    return Labelling(table(ROWS), RECIPE)


def test_class_table(labelling: Labelling) -> None:
    """Labels go from the fewest rows to the most.

    Rare 4, hela 10, then dmso (a compound) before u2os, both 30; human is last.
    """
    found = class_table(labelling)
    assert found.schema == CLASS_TABLE
    rows = {row.pop("label"): row for row in found.to_pylist()}
    assert list(rows) == ["human", "hela", "u2os", "dmso", "rare"]
    nothing = {"strata": None, "strata_covered": None}
    assert rows == {
        "human": {"category": "organism", "rows": 44, "free": 0, "taken": 0, "crops": 0, "sources": 0, "dir_names": ""}
        | nothing,
        "hela": {
            "category": "cell_type",
            "rows": 10,
            "free": 10,
            "taken": 10,
            "crops": 3,
            "sources": 1,
            "dir_names": "s2",
        }
        | nothing,
        "u2os": {
            "category": "cell_type",
            "rows": 30,
            "free": 10,
            "taken": 10,
            "crops": 3,
            "sources": 1,
            "dir_names": "s1",
        }
        | nothing,
        "dmso": {
            "category": "compound",
            "rows": 30,
            "free": 30,
            "taken": 20,
            "crops": 1,
            "sources": 1,
            "dir_names": "s1",
        }
        | {"strata": 1, "strata_covered": 1},
        "rare": {"category": "compound", "rows": 4, "free": 4, "taken": 4, "crops": 4, "sources": 1, "dir_names": "s1"}
        | nothing,
    }


def test_the_table_is_what_is_assigned(labelling: Labelling) -> None:
    taken = {row["label"]: row["taken"] for row in class_table(labelling).to_pylist() if row["taken"]}
    counted = assign_labels(table(ROWS), RECIPE)["label"].value_counts().to_pylist()
    assert taken == {found["values"]: found["counts"] for found in counted}


def test_strata_that_are_left_out_are_seen() -> None:
    rows = [{"compound": "x", "phenotype": f"p{i}"} for i in range(30)]
    labelling = Labelling(table(rows), Recipe(min_images=5, class_size=10, categories=("compound",)))
    row = class_table(labelling).to_pylist()[0]
    assert (row["strata"], row["strata_covered"]) == (30, 10)


def test_csv_can_be_read_again(labelling: Labelling) -> None:
    found = class_table(labelling)
    again = pyarrow.csv.read_csv(
        io.BytesIO(class_csv(found)),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=found.schema, strings_can_be_null=False, null_values=[""]
        ),
    )
    assert again.to_pylist() == found.to_pylist()


def test_described(labelling: Labelling) -> None:
    text = describe_classes(class_table(labelling))
    assert "dmso   compound     30     20  1 of 1  1: s1" in text
    assert "human  organism    44     0" in text  # among those with too few left
    assert text.splitlines()[-1].split() == ["all", "4", "44"]


def test_explain_a_class_that_was_drawn(labelling: Labelling) -> None:
    assert explain(labelling, "dmso").splitlines() == [
        "30 images hold it as compound",
        "5 images hold it as phenotype (not used: it belongs to compound)",
        "0 of these were taken by 0 labels with fewer images",
        "30 are left",
        "More than class_size=20: 20 are drawn, in strata of",
        "  images  share  drawn  organism  cell_type  cell_visible  sirna  phenotype",
        "      30  20.00     20  human     u2os       -             -      -",
    ]


def test_explain_a_class_of_leftovers(labelling: Labelling) -> None:
    assert explain(labelling, "u2os").splitlines() == [
        "30 images hold it as cell_type",
        "20 of these were taken by 1 labels with fewer images",
        "  label  images",
        "  dmso       20",
        "10 are left",
        "No more than class_size=20: all are taken",
    ]


def test_explain_a_label_without_a_class(labelling: Labelling) -> None:
    assert explain(labelling, "human").splitlines()[-1] == ("0 are left: fewer than min_images=4, so there is no class")
    few = Labelling(table(ROWS), Recipe(min_images=40))
    assert explain(few, "dmso").splitlines()[-1] == "No class: a label needs min_images=40, it has 30."


def test_explain_two_draws() -> None:
    rows = [{"compound": "x", "name": "ab"[i % 4 == 0], "phenotype": f"p{i % 2}"} for i in range(400)]
    recipe = Recipe(min_images=5, class_size=10, presample_size=100, categories=("compound",))
    text = explain(Labelling(table(rows), recipe), "x")
    assert "first 100 drawn, in strata of\n  images  share  drawn  name  organism  cell_type\n" in text
    assert "     300  75.00     75  a     -         -\n" in text
    assert "     100  25.00     25  b     -         -\n" in text


def test_explain_a_label_that_nobody_has(labelling: Labelling) -> None:
    with pytest.raises(UserError, match="no image holds 'dsmo'; did you mean 'dmso'"):
        explain(labelling, "dsmo")


def test_explain_a_label_that_the_recipe_drops() -> None:
    with pytest.raises(UserError, match="'dmso' is dropped or renamed by the recipe"):
        explain(Labelling(table(ROWS), Recipe(drop_labels=("dmso",))), "dmso")


def test_thresholds(labelling: Labelling) -> None:
    found = threshold_table(labelling, [1, 4, 5, 20, 40]).to_pylist()
    for row in found:
        alone = assign_labels(table(ROWS), Recipe(min_images=row["min_images"], class_size=20))
        assert row["images"] == alone.num_rows
        assert row["classes"] == len(set(alone["label"].to_pylist()))
    assert [row["potential"] for row in found] == [5, 5, 4, 3, 1]


def test_thresholds_go_around_the_recipes() -> None:
    assert thresholds_around(Recipe()) == [
        72, 85, 101, 121, 144, 171, 203, 241, 287, 341, 406, 483, 574, 683, 812, 965, 1148,
    ]  # fmt: skip
    assert thresholds_around(Recipe(min_images=1))[0] == 1


@pytest.mark.parametrize("thresholds", [[4], [1, 4, 5, 20, 40]])
def test_the_plot_as_svg_and_png(labelling: Labelling, thresholds: list[int]) -> None:
    chart = threshold_chart(threshold_table(labelling, thresholds), RECIPE)
    svg = chart.save("thresholds.svg").decode()
    assert [f'id="line-{name}"' in svg for name in ("potential-labels", "classes")] == [True, True]
    assert ">classes</text>" in svg
    assert svg == chart.save("again.svg").decode()
    example = Image.open(io.BytesIO(chart.save("out/thresholds.PNG")))
    assert example.size == (1440, 840)
    assert len(set(example.get_flattened_data() if hasattr(example, "get_flattened_data") else example.getdata())) > 5


def test_a_plot_in_another_format_is_refused(labelling: Labelling) -> None:
    with pytest.raises(UserError, match=r"an \.svg or a \.png file, not plot\.pdf"):
        threshold_chart(threshold_table(labelling, [4]), RECIPE).save("plot.pdf")


def test_an_empty_table_is_described() -> None:
    empty = class_table(Labelling(table([]), Recipe()))
    assert empty.equals(pa.Table.from_pylist([], CLASS_TABLE))
    assert describe_classes(empty).splitlines()[-1].split() == ["all", "0", "0"]
