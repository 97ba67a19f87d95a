"""What differs between two specs, member by member."""

from mlapi_operator.cli.changes import Change, changes


def test_changes_name_the_innermost_field_and_both_values() -> None:
    before = {"serving": {"workers": 2}, "image": "a", "model": {"uri": "https://m/a.onnx"}}
    after = {"serving": {"workers": 4}, "model": {"uri": "https://m/a.onnx", "sha256": "00"}}
    assert changes(before, after) == [
        Change("image", '"a"', ""),
        Change("model.sha256", "", '"00"'),
        Change("serving.workers", "2", "4"),
    ]


def test_changes_of_a_section_that_comes_or_goes_are_those_of_its_members() -> None:
    gpu = {"gpu": {"count": 2, "products": ["H100"]}}
    assert changes({}, gpu) == [Change("gpu.count", "", "2"), Change("gpu.products", "", '["H100"]')]
    assert changes(gpu, {}) == [Change("gpu.count", "2", ""), Change("gpu.products", '["H100"]', "")]
    assert changes({}, {"a": {}}) == [Change("a", "", "{}")]


def test_changes_of_variables_are_told_by_their_names_whatever_the_order() -> None:
    one, two = {"name": "A", "value": "1"}, {"name": "B", "value": "2"}
    assert changes({"env": [one, two]}, {"env": [two, one]}) == []
    other = {"name": "B", "value": "3"}
    assert changes({"env": [one, two]}, {"env": [other]}) == [
        Change("env[A].value", '"1"', ""),
        Change("env[B].value", '"2"', '"3"'),
    ]


def test_changes_between_unlike_shapes_show_both_whole() -> None:
    assert changes({"a": [1, 2]}, {"a": {"b": 1}}) == [Change("a", "[1, 2]", '{"b": 1}')]
    assert changes({"a": 1}, {"a": [{"name": "x"}]}) == [Change("a", "1", '[{"name": "x"}]')]
