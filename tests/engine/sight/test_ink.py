import numpy as np

from torana.engine.sight.ink import AREA, BOTTOM, LEFT, RIGHT, TOP, blobs_of, contrast, extents, strokes


def test_each_patch_of_touching_ink_is_one_blob():
    ink = np.zeros((20, 30), np.bool_)
    ink[2:5, 3:9] = True
    ink[10:18, 20:22] = True
    ink[9, 19] = True
    blobs = blobs_of(ink)
    assert blobs[:, [LEFT, TOP, RIGHT, BOTTOM, AREA]].tolist() == [[3, 2, 9, 5, 18], [19, 9, 22, 18, 17]]
    assert extents(blobs).tolist() == [6, 9]


def test_arms_that_meet_below_are_one_blob():
    ink = np.zeros((12, 12), np.bool_)
    ink[2:10, 2:4] = ink[2:10, 8:10] = ink[8:10, 2:10] = True
    assert len(blobs_of(ink)) == 1


def test_no_ink_is_no_blob():
    assert blobs_of(np.zeros((5, 5), np.bool_)).shape == (0, 6)


def test_strokes_are_as_wide_as_they_were_drawn():
    ink = np.zeros((40, 100), np.bool_)
    ink[5:8, 5:95] = True
    ink[20:25, 5:95] = True
    assert np.allclose(strokes(blobs_of(ink)), [3, 5], atol=0.3)


def test_inks_are_darker_and_lighter_than_their_surroundings():
    grey = np.full((60, 60), 0.5, np.float32)
    grey[10:13, 10:50] = 0.1
    grey[40:43, 10:50] = 0.9
    dark, light = contrast(grey).inks(0.1, 0.5)
    assert dark[11, 30]
    assert light[41, 30]
    assert not dark[20:60].any()
    assert not light[:30].any()


def test_a_flat_picture_of_any_size_has_no_ink():
    for shape in ((1, 1), (1, 50), (40, 40)):
        dark, light = contrast(np.full(shape, 0.3, np.float32)).inks(0.07, 0.4)
        assert not dark.any()
        assert not light.any()
