"""Images on their way to a problem, and steps that can be taken back."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pytest
from annotated_types import Interval

from proxiscope.core import Doc, InputError
from proxiscope.preparation import History, Images, Step, Tools, apply_steps, as_step, step, steps
from proxiscope.tomography import TiltSeries

RNG = np.random.default_rng(3)
STACK = RNG.random((4, 6, 8)).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Add(Step):
    """Adds a number."""

    number: Annotated[float, Interval(ge=-10, le=10), Doc("How much.")] = 1.0
    name = "add"
    calls = []  # noqa: RUF012

    def apply(self, images, tools):
        tools.tick(0.5)
        self.calls.append(self.number)
        return images.copy_with(values=images.values + np.float32(self.number))


@pytest.fixture(autouse=True)
def _none_called_yet():
    Add.calls.clear()


class TestImages:
    def test_what_is_not_measured_is_zero_and_marked(self):
        values = STACK.copy()
        values[0, 1, 2] = np.nan
        mask = np.ones((6, 8), bool)
        mask[3, 3] = False
        images = Images(values=values, valid=mask, family="phase")
        assert images.valid.sum() == STACK.size - 4 - 1
        assert images.values[0, 1, 2] == 0
        assert (images.values[:, 3, 3] == 0).all()
        assert images.values.dtype == np.float32

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"values": STACK[0, 0]}, "images"),
            ({"values": STACK * np.nan}, "images"),
            ({"values": STACK + 1j}, "images"),
            ({"valid": np.ones((3, 6, 8))}, "valid"),
            ({"valid": np.ones((5, 5))}, "valid"),
            ({"rotations": np.zeros((3, 3))}, "rotations"),
            ({"shifts": np.full((4, 2), np.nan)}, "shifts"),
            ({"pixel_size": -1}, "pixel_size"),
        ],
    )
    def test_what_does_not_fit_is_named(self, fields, field):
        with pytest.raises(InputError) as caught:
            Images(**{"values": STACK, "family": "phase"} | fields)
        assert caught.value.field == field

    def test_a_series_comes_back_as_it_went(self):
        valid = RNG.random(STACK.shape) > 0.1
        rotations = RNG.uniform(-60, 60, (4, 3))
        options = {"valid": valid, "rotations": rotations, "shifts": RNG.normal(size=(4, 2)), "pixel_size": 0.5}
        series = TiltSeries(STACK, **options, announce=False)
        back = Images.of(series).tilt_series()
        for name in ("projections", "valid", "rotations", "shifts"):
            np.testing.assert_array_equal(getattr(back, name), getattr(series, name))
        assert back.pixel_size == 0.5

    def test_without_angles_there_is_no_series(self):
        with pytest.raises(InputError, match="angles"):
            Images(values=STACK, family="tomography").tilt_series()

    def test_a_subset_keeps_what_belongs_to_each_image(self):
        images = Images(values=STACK, family="tomography", shifts=np.arange(8).reshape(4, 2))
        some = images.subset([3, 1])
        np.testing.assert_array_equal(some.values, STACK[[3, 1]])
        np.testing.assert_array_equal(some.shifts, [[6, 7], [2, 3]])
        assert some.rotations is None

    @pytest.mark.parametrize("shape", [(6, 8), (4, 6, 8)])
    def test_mapped_works_on_each_image(self, shape):
        images = Images(values=STACK.reshape(-1)[: np.prod(shape)].reshape(shape), family="phase")
        half = images.mapped(lambda values, valid: (2 * values[:, ::2], valid[:, ::2]))
        np.testing.assert_array_equal(half.values, 2 * images.values[..., ::2])
        assert half.valid.shape == half.values.shape
        assert len(half) == (1 if len(shape) == 2 else 4)


class TestSteps:
    def test_a_step_leaves_its_images_alone_and_is_on_the_record(self):
        images = Images(values=STACK, family="phase")
        done = Add(number=2)(images)
        np.testing.assert_array_equal(images.values, STACK)
        assert images.steps == ()
        assert done.steps == ({"name": "add", "number": 2.0},)

    def test_a_chain_is_its_steps_one_after_the_other_and_says_how_far_it_is(self):
        fractions = []
        images = Images(values=STACK, family="phase")
        done = apply_steps(images, [Add(number=1), Add(number=2)], Tools(tick=fractions.append))
        np.testing.assert_allclose(done.values, STACK + 3)
        assert fractions == [0.25, 0.5, 0.75, 1.0]
        assert [s["number"] for s in done.steps] == [1.0, 2.0]

    def test_a_tick_that_raises_ends_a_chain(self):
        def cancel(fraction):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            apply_steps(Images(values=STACK, family="phase"), [Add()], Tools(tick=cancel))

    def test_a_record_is_as_good_as_the_step(self):
        assert as_step({"name": "bin", "factor": 3}) == step("bin", {"factor": 3})

    @pytest.mark.parametrize(
        ("name", "parameters", "match"),
        [("mend", {}, "there is no 'mend'"), ("bin", {"size": 2}, "size"), ("bin", {"factor": 0}, "factor")],
    )
    def test_what_does_not_exist_is_refused(self, name, parameters, match):
        with pytest.raises(InputError, match=match):
            step(name, parameters)

    def test_a_step_of_the_other_family_is_refused(self):
        only = next(s for s in steps("tomography").values() if s.families == ("tomography",))
        with pytest.raises(InputError, match="intensities of diffraction"):
            only()(Images(values=STACK, family="phase"))

    @pytest.mark.parametrize("cls", steps().values(), ids=steps().keys())
    def test_every_step_is_explained(self, cls):
        from proxiscope.core import parameters

        assert cls.title
        assert cls.__doc__
        assert all(p.doc.endswith(".") for p in parameters(cls))


class TestHistory:
    def test_undo_goes_back_step_by_step_to_the_beginning(self):
        history = History(Images(values=STACK, family="phase"))
        for number in (1, 2, 3):
            history.apply(Add(number=number))
        np.testing.assert_allclose(history.images.values, STACK + 6)
        np.testing.assert_allclose(history.undo().values, STACK + 3)
        np.testing.assert_allclose(history.undo().values, STACK + 1)
        np.testing.assert_array_equal(history.undo().values, STACK)
        np.testing.assert_array_equal(history.undo().values, STACK)
        assert history.steps == ()
        assert Add.calls == [1, 2, 3]  # nothing had to be computed again

    def test_what_does_not_fit_into_memory_is_computed_again(self):
        history = History(Images(values=STACK, family="phase"), memory=2 * (STACK.nbytes + STACK.size))
        for number in (1, 2, 3):
            history.apply(Add(number=number))
        np.testing.assert_allclose(history.undo().values, STACK + 3)
        assert Add.calls == [1, 2, 3, 1, 2]
        assert history.images.steps == ({"name": "add", "number": 1.0}, {"name": "add", "number": 2.0})

    def test_a_step_that_fails_changes_nothing(self):
        history = History(Images(values=STACK, family="phase"))
        history.apply(Add())
        with pytest.raises(InputError):
            history.apply({"name": "bin", "factor": 60})
        assert history.steps == (Add(),)
        np.testing.assert_allclose(history.images.values, STACK + 1)

    def test_another_step_can_follow_an_undo(self):
        history = History(Images(values=STACK, family="phase"))
        history.apply(Add())
        history.undo()
        history.apply(Add(number=5))
        np.testing.assert_allclose(history.images.values, STACK + 5)
        assert [s.number for s in history.steps] == [5]
