import json
from decimal import Decimal

import pytest

from torana.core.price import Consumed
from torana.dialects.steps import Ask
from torana.families.images import EDIT, GENERATE, VARY
from torana.providers.imaging.graphs import Graph, read_graphs, values


def test_only_whole_texts_are_placeholders_and_values_are_not_looked_into():
    graph = Graph({"a": {"text": "$prompt", "beside": "a $prompt", "deep": [["$seed", 1, None]]}, "b": "$n"})
    assert graph.filled({"$prompt": "$seed", "$seed": 7}) == {
        "a": {"text": "$seed", "beside": "a $prompt", "deep": [[7, 1, None]]},
        "b": "$n",
    }


@pytest.mark.parametrize(
    ("texts", "operations"),
    [
        (["$seed"], {GENERATE}),
        (["$seed", "$image"], {VARY, EDIT}),
        (["$seed", "$image", "$image2", "$mask"], {EDIT}),
    ],
)
def test_what_can_be_asked_for_is_what_there_is_a_place_for(texts, operations):
    ability = Graph({"1": texts}).ability()
    assert ability.operations == operations
    assert ability.sources == max(1, sum(text.startswith("$image") for text in texts))
    assert (ability.most, ability.strength, ability.prompted, ability.wishes) == (1, None, False, frozenset())
    assert ability.price is not None
    assert ability.price.of(Consumed(images=3)) == Decimal(0)
    able = Graph({"1": [*texts, "$n", "$strength", "$prompt", "$negative_prompt"]}).ability()
    assert (able.most, able.prompted, able.wishes) == (10, True, frozenset({"negative_prompt"}))
    assert able.strength is not None
    assert able.strength.of(0.5) == 0.6


def test_the_operators_parameters_win():
    told = values(Ask(VARY, "m", 2, parameters={"seed": 5, "steps": 8}, prompt="a cat", seed=3), [], None)
    assert (told["$seed"], told["$steps"], told["$n"], told["$width"]) == (5, 8, 2, 1024)
    assert "$image" not in told


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("[]", "cannot be read"), ("{", "cannot be read"), ("\xff", "cannot be read"), ('{"a": 1}', r"has no \"\$seed\"")],
)
def test_a_file_that_is_no_graph_is_named(tmp_path, text, complaint):
    (tmp_path / "good.json").write_text(json.dumps({"1": "$seed"}))
    assert read_graphs(str(tmp_path)).keys() == {"good"}
    (tmp_path / "bad.json").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=complaint) as refused:
        read_graphs(str(tmp_path))
    assert "bad.json" in str(refused.value)
