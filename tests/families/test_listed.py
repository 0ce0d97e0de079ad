from collections import Counter

from torana.families.listed import FAMILIES, OPERATIONS


def test_no_two_families_have_a_path_or_a_name_in_common():
    paths = Counter(path for family in FAMILIES for path in family.paths)
    assert set(paths.values()) == {1}
    assert len(set(OPERATIONS)) == len(FAMILIES)


def test_each_answers_with_and_without_the_version():
    assert all(f"/v1{family.path}" in family.paths for family in FAMILIES)
