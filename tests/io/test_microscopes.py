"""Files of electron microscopes: DigitalMicrograph, Velox, Berkeley's EMD, HyperSpy as RosettaSciIO writes it."""

import h5py
import numpy as np
import pytest
from tests.builders import DM, velox, zspy

from proxiscope.core.errors import InputError
from proxiscope.io import read

STACK = np.arange(5 * 6 * 7, dtype=np.float32).reshape(5, 6, 7)
TILTS = np.array([-40.0, -20, 0, 20, 40])


@pytest.mark.parametrize("version", [3, 4])
class TestDigitalMicrograph:
    def write(self, path, version, units=("nm", "nm", "deg"), data=STACK):
        writer = DM(version)
        image = writer.image(data, 6, 2, units[: data.ndim], (0.5, 0.5, 20.0)[: data.ndim])
        path.write_bytes(writer.file(image))
        return path

    def test_stack(self, tmp_path, version):
        raw = read(self.write(tmp_path / f"a.dm{version}", version))
        np.testing.assert_array_equal(raw.data, STACK)
        assert raw.pixel_size == pytest.approx(0.5)
        np.testing.assert_allclose(raw.angles, [0, 20, 40, 60, 80])

    def test_stack_with_angles_beside_it(self, tmp_path, version):
        path = self.write(tmp_path / f"a.dm{version}", version, ("nm", "nm", ""))
        (tmp_path / "a.rawtlt").write_text("\n".join(map(str, TILTS)))
        np.testing.assert_array_equal(read(path).angles, TILTS)

    def test_image(self, tmp_path, version):
        raw = read(self.write(tmp_path / f"a.dm{version}", version, ("µm", "µm"), STACK[0]))
        np.testing.assert_array_equal(raw.data, STACK[0])
        assert raw.pixel_size == pytest.approx(500)

    def test_the_larger_of_two_images(self, tmp_path, version):
        writer = DM(version)
        images = [writer.image(data, 6, 2, ("nm", "nm"), (1.0, 1.0)) for data in (STACK[0, :3], STACK[1])]
        (tmp_path / f"a.dm{version}").write_bytes(writer.file(*images))
        raw = read(tmp_path / f"a.dm{version}")
        np.testing.assert_array_equal(raw.data, STACK[1])
        np.testing.assert_array_equal(read(tmp_path / f"a.dm{version}", variable="0").data, STACK[0, :3])

    @pytest.mark.parametrize("count", [-1, -(2**30), 2**30])
    def test_sizes_are_held_against_the_file(self, tmp_path, version, count):
        """RosettaSciIO would read on for ever after a negative one."""
        writer = DM(version)
        whole = writer.file(writer.image(STACK, 6, 2, ("nm", "nm", ""), (1.0, 1.0, 1.0)))
        stated = writer.number(3, 20, 6, STACK.size)
        assert whole.count(stated) == 1
        (tmp_path / f"a.dm{version}").write_bytes(whole.replace(stated, writer.number(3, 20, 6, count)))
        with pytest.raises(InputError, match="tags are damaged"):
            read(tmp_path / f"a.dm{version}")

    def test_dimensions_are_held_against_the_file(self, tmp_path, version):
        writer = DM(version)
        whole = writer.file(writer.image(STACK, 6, 2, ("nm", "nm", ""), (1.0, 1.0, 1.0)))
        stated = writer.simple("", 5, 7)
        (tmp_path / f"a.dm{version}").write_bytes(whole.replace(stated, writer.simple("", 5, 7000)))
        with pytest.raises(InputError, match="more than the file has"):
            read(tmp_path / f"a.dm{version}")


def test_velox(tmp_path):
    raw = read(velox(tmp_path / "a.emd", STACK, TILTS))
    np.testing.assert_array_equal(raw.data, STACK)
    assert raw.pixel_size == pytest.approx(0.3)
    np.testing.assert_allclose(raw.angles, TILTS)


def test_velox_image(tmp_path):
    raw = read(velox(tmp_path / "a.emd", STACK[:1], TILTS[:1]))
    np.testing.assert_array_equal(raw.data, STACK[0])
    assert raw.angles is None


def test_velox_links_are_not_followed(tmp_path):
    velox(tmp_path / "other.emd", STACK, TILTS)
    with pytest.raises(InputError, match=r"links into other files: other\.emd"):
        read(velox(tmp_path / "a.emd", STACK, TILTS, link="other.emd"))


def signal(data=STACK, units=("degrees", "nm", "nm")):
    """A signal as RosettaSciIO's writers want it."""
    scales, offsets = (20.0, 0.5, 0.5), (-40.0, 0.0, 0.0)
    axes = [
        {"_type": "UniformDataAxis", "name": name, "units": unit, "scale": scale, "offset": offset, "size": n,
         "navigate": i == 0, "is_binned": False, "index_in_array": i}
        for i, (name, unit, scale, offset, n) in enumerate(
            zip(("tilt", "y", "x"), units, scales, offsets, data.shape, strict=True)
        )
    ]  # fmt: skip
    return {
        "data": data,
        "axes": axes,
        "metadata": {"General": {"title": "needle"}, "Signal": {"signal_type": ""}},
        "original_metadata": {},
        "learning_results": {},
        "attributes": {"_lazy": False, "ragged": False},
        "tmp_parameters": {},
        "models": {},
        "package_info": {"package": "hyperspy", "package_version": "2.0"},
    }


def test_hyperspy_as_rosettasciio_writes_it(tmp_path):
    from rsciio.hspy import file_writer

    file_writer(tmp_path / "a.hspy", signal())
    raw = read(tmp_path / "a.hspy")
    np.testing.assert_array_equal(raw.data, STACK)
    np.testing.assert_allclose(raw.angles, TILTS)
    assert (raw.pixel_size, raw.tilt_axis) == (pytest.approx(0.5), "y")


def test_hyperspy_is_read_as_rosettasciio_reads_it(shared_data):
    from rsciio.hspy import file_reader

    path = shared_data("etspy_haadf_needle/HAADF_Aligned.hspy")
    theirs, ours = file_reader(str(path))[0], read(path)
    np.testing.assert_array_equal(ours.data, theirs["data"])
    axis = theirs["axes"][-1]
    assert axis["units"] == "nm"
    assert ours.pixel_size == pytest.approx(axis["scale"])


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_hyperspy_in_zarr(tmp_path, zarr_format):
    raw = read(zspy(tmp_path / "a.zspy", STACK, zarr_format))
    np.testing.assert_array_equal(raw.data, STACK)
    np.testing.assert_allclose(raw.angles, TILTS)
    assert raw.pixel_size == pytest.approx(0.5)


def test_berkeley_emd_as_rosettasciio_writes_it(tmp_path):
    """Version 0.1 keeps x first, and says so with its axes."""
    from rsciio.emd import file_writer

    file_writer(str(tmp_path / "a.emd"), signal())
    raw = read(tmp_path / "a.emd")
    np.testing.assert_array_equal(raw.data, STACK)
    np.testing.assert_allclose(raw.angles, TILTS)
    assert raw.pixel_size == pytest.approx(0.5)


def test_emd_of_version_1_counts_its_axes_from_0(tmp_path):
    with h5py.File(tmp_path / "a.emd", "w") as file:
        group = file.create_group("root/needle")
        group["data"] = STACK
        for i, (values, name, units) in enumerate(
            [(TILTS, "tilt", "degrees"), ([0, 0.5], "y", "nm"), ([0, 0.5], "x", "nm")]
        ):
            group[f"dim{i}"] = values
            group[f"dim{i}"].attrs.update({"name": name, "units": units})
    raw = read(tmp_path / "a.emd")
    np.testing.assert_array_equal(raw.angles, TILTS)
    assert raw.pixel_size == pytest.approx(0.5)
