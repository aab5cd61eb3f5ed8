"""A small valid file of every format that is read, made by the libraries of the field or laid out by hand.

Each lies in a folder of its own, with the files that go with it.
"""

import bz2
import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import mrcfile
import numpy as np
import scipy.io
import tifffile
import zarr

from tests.builders import DM, ome, velox, zspy

STACK = (100 * np.random.default_rng(1).random((5, 12, 10))).astype(np.float32)
ANGLES = np.linspace(-60, 60, 5)

MDOC = "PixelSpacing = 3.3\nImageFile = images.mrc\n\n[T = Tilt axis angle = 85.3, binning = 1]\n\n" + "".join(
    f"[ZValue = {i}]\nTiltAngle = {angle}\nExposureTime = 1.2\n\n" for i, angle in enumerate(ANGLES)
)


def _mrc(path: Path) -> None:
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(STACK)
        mrc.voxel_size = 3.3


def _serial(path: Path) -> None:
    """With the extended header of SerialEM: two bytes an image, the tilt times 100."""
    _mrc(path)
    data = bytearray(path.read_bytes())
    block = (100 * ANGLES).astype("<i2").tobytes()
    data[92:96] = len(block).to_bytes(4, "little")
    data[104:108] = b"SERI"
    data[128:132] = np.array([2, 1], "<i2").tobytes()
    path.write_bytes(data[:1024] + block + data[1024:])


def _beside(path: Path) -> None:
    """A raw series with what SerialEM, FEI's software and IMOD keep beside it."""
    _mrc(path)
    path.with_name(path.name + ".mdoc").write_text(MDOC)
    path.with_suffix(".rawtlt").write_text(TILTS)
    path.with_suffix(".xf").write_text(XF)
    path.with_suffix(".txt").write_text("Tilt axis angle: -85.3")


def _mdoc(path: Path) -> None:
    path.write_text(MDOC)
    _mrc(path.with_name("images.mrc"))


def _fei(path: Path) -> None:
    """With FEI's extended header of 128 bytes an image."""
    _mrc(path)
    data = bytearray(path.read_bytes())
    records = np.zeros((1024, 32), "<f4")
    records[:5, 0], records[:5, 10], records[:5, 11] = ANGLES, 85.3, 3.3e-10
    data[92:96] = (131072).to_bytes(4, "little")
    data[220:224] = (1).to_bytes(4, "little")
    data[224:260] = b"Fei Company (C) Copyright 2003".ljust(36)
    path.write_bytes(data[:1024] + records.tobytes() + data[1024:])


def _hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("entry/data", data=STACK, chunks=(1, 12, 10), compression="gzip")
        file["entry/angles"] = ANGLES


def _newest(path: Path) -> None:
    """As the newest version of HDF5 lays it out, with more texts than the header of a node holds."""
    with h5py.File(path, "w", libver="latest") as file:
        node = file.create_dataset("entry/data", data=STACK, chunks=(1, 12, 10), maxshape=(None, 12, 10), shuffle=True)
        node.attrs.update({f"text {i}": f"some words {i}" for i in range(20)} | {"pixel_size": 2.0, "units": "pm"})
        file["entry/angles"] = ANGLES


def _hyperspy(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.attrs.update({"file_format": "HyperSpy", "file_format_version": "3.3"})
        group = file.create_group("Experiments/needle")
        group.create_dataset("data", data=STACK, chunks=True, compression="gzip")
        for i, (name, units) in enumerate([("tilt", "degrees"), ("y", "nm"), ("x", "nm")]):
            axis = group.create_group(f"axis-{i}")
            scale, offset = (30.0, -60.0) if i == 0 else (0.33, 0.0)
            axis.attrs.update({"name": name, "units": units, "scale": scale, "offset": offset, "navigate": i == 0})
            axis.attrs.update({"size": STACK.shape[i], "_type": "UniformDataAxis", "index_in_array": i})
        group.create_group("metadata/General").attrs["title"] = "needle"
        group.create_group("metadata/Signal").attrs["signal_type"] = ""
        group.create_group("original_metadata")
        group.create_group("learning_results")


def _cxi(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["cxi_version"] = 160
        detector = file.create_group("entry_1/instrument_1/detector_1")
        detector["data"], detector["mask"] = STACK[0], np.zeros((12, 10), np.uint32)
        detector["x_pixel_size"], detector["distance"] = 75e-6, 1.5
        file["entry_1/data_1"] = h5py.SoftLink("/entry_1/instrument_1/detector_1")


def _nexus(path: Path) -> None:
    with h5py.File(path, "w") as file:
        detector = file.create_group("entry/instrument/detector")
        detector["data"], detector["image_key"] = STACK, np.array([2, 1, 0, 0, 0])
        rotation = file.create_dataset("entry/sample/rotation_angle", data=ANGLES)
        rotation.attrs["units"] = "degree"
        for name, kind in (("entry", "NXentry"), ("entry/instrument", "NXinstrument"), ("entry/sample", "NXsample")):
            file[name].attrs["NX_class"] = kind
        file["entry/definition"] = "NXtomo"
        detector.attrs["NX_class"] = "NXdetector"


def _emd(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.attrs.update({"version_major": 0, "version_minor": 2})
        group = file.create_group("data/tomography")
        group.attrs["emd_group_type"] = 1
        group["data"] = STACK
        axes = (ANGLES, "angles", "[deg]"), (np.arange(12), "y", "[n_m]"), (np.arange(10), "x", "[n_m]")
        for i, (values, name, units) in enumerate(axes):
            group[f"dim{i + 1}"] = values
            group[f"dim{i + 1}"].attrs.update({"name": name, "units": units})


def _eiger(compression: str) -> Callable[[Path], None]:
    """As a detector of DECTRIS writes it, with a mask, packed by a plugin of HDF5."""

    def write(path: Path) -> None:
        import hdf5plugin

        filters = {"lz4": hdf5plugin.Bitshuffle(cname="lz4"), "bitshuffle": hdf5plugin.Bitshuffle(cname="zstd")}
        filters |= {"blosc": hdf5plugin.Blosc(), "zstd": hdf5plugin.Zstd(), "plain-lz4": hdf5plugin.LZ4()}
        with h5py.File(path, "w") as file:
            kinds = {"entry": "NXentry", "entry/data": "NXdata", "entry/instrument": "NXinstrument"}
            for name, kind in (kinds | {"entry/instrument/detector": "NXdetector"}).items():
                file.create_group(name).attrs["NX_class"] = kind
            detector = file["entry/instrument/detector"]
            detector["x_pixel_size"], detector["detector_distance"] = 75e-6, 0.2
            detector["detectorSpecific/pixel_mask"] = np.zeros((12, 10), np.uint32)
            file["entry/instrument/beam/incident_wavelength"] = 1.0
            images = STACK.astype(np.uint32)
            file.create_dataset("entry/data/data_000001", data=images, chunks=(1, 12, 10), **filters[compression])

    return write


def _exchange(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["exchange/data"], file["exchange/theta"] = STACK, ANGLES
        file["exchange/data_white"], file["exchange/data_dark"] = np.ones((2, 12, 10)), np.ones((2, 12, 10))


def _dm(version: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        writer = DM(version)
        path.write_bytes(writer.file(writer.image(STACK, 6, 2, ("nm", "nm", "deg"), (0.5, 0.5, 20.0))))

    return write


def _matlab73(path: Path) -> None:
    with h5py.File(path, "w", userblock_size=512) as file:
        file["projections"], file["angles"] = STACK, ANGLES[:, None]
        for node in file.values():
            node.attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file")


def _zarr2(path: Path) -> None:
    zarr.save_array(path, STACK, zarr_format=2)


def _shards(path: Path) -> None:
    root = zarr.open_group(path, mode="w")
    packed = zarr.codecs.BloscCodec()
    root.create_array("images", data=STACK, chunks=(1, 6, 5), shards=(5, 12, 10), compressors=packed)


def _zipped_zarr(path: Path) -> None:
    folder = ome(path.with_name("images"), STACK)
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(f for f in folder.rglob("*") if f.is_file()):
            archive.write(file, file.relative_to(folder))
            file.unlink()


def _ours(kind: str) -> Callable[[Path], None]:
    """As proxiscope writes a result, a tilt series or a pattern with all that goes with them."""

    def write(path: Path) -> None:
        from proxiscope.io import write_array

        rng = np.random.default_rng(2)
        more = {"valid": rng.random(STACK.shape) < 0.9, "pixel_size": 0.33, "metadata": {"algorithm": "sirt"}}
        if kind == "result":
            more |= {"metrics": {"r_factor": [3.0, 2, 1]}, "products": {"shape": rng.random((40, 40))}}
        elif kind == "tilt-series":
            more |= {
                "angles": ANGLES,
                "shifts": rng.random((5, 2)),
                "products": {"support": np.ones((4, 12, 10), bool)},
            }
        else:
            support = np.indices(STACK.shape).sum(axis=0) < 9
            more |= {"quantity": "magnitudes", "products": {"support": support}}
        write_array(path, STACK, kind=kind, **more)

    return write


def _chain(path: Path) -> None:
    from proxiscope.preparation import steps
    from proxiscope.preparation.chains import save_steps

    names = ("hot-pixels", "bin", "crop", "background", "set-shifts", "exclude-tilts")
    save_steps(path, [steps()[name]() for name in names if name in steps()])


def _frames(path: Path) -> None:
    path.mkdir()
    for i, image in enumerate(STACK):
        tifffile.imwrite(path / f"frame_{i}.tif", image)


def _tar(mode: str) -> Callable[[Path], None]:
    return lambda path: _archive(path, mode)


def _archive(path: Path, mode: str) -> None:
    with tarfile.open(path, mode) as archive:
        for i, image in enumerate(STACK):
            block = io.BytesIO()
            tifffile.imwrite(block, image)
            entry = tarfile.TarInfo(f"scan/frame_{i}.tif")
            entry.size = block.tell()
            block.seek(0)
            archive.addfile(entry, block)


def _text(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(text) and None


def _tiff(**options: Any) -> Callable[[Path], None]:
    return lambda path: tifffile.imwrite(path, STACK, photometric="minisblack", **options)


def _lzw(path: Path) -> None:
    from PIL import Image  # without imagecodecs, tifffile writes none

    first, *rest = [Image.fromarray(image) for image in STACK]
    first.save(path, compression="tiff_lzw", save_all=True, append_images=rest)


def _pages(path: Path) -> None:
    """Pages that do not follow each other, of strips."""
    with tifffile.TiffWriter(path) as writer:
        for image in STACK:
            writer.write(image, contiguous=False, metadata=None, rowsperstrip=4)


def _edf(path: Path) -> None:
    from fabio.edfimage import EdfImage

    EdfImage(data=STACK[0], header={"PSize_1": "55e-6"}).write(str(path))


def _edf_frames(path: Path) -> None:
    from fabio.edfimage import EdfImage

    image = EdfImage(data=STACK[0], header={"PSize_1": "55e-6"})
    for frame in STACK[1:]:
        image.append_frame(data=frame, header={})
    image.write(str(path))


def _fit2d(path: Path) -> None:
    from fabio.fit2dmaskimage import Fit2dMaskImage

    Fit2dMaskImage(data=(STACK[0] > 50).astype(np.uint8)).write(str(path))


def _cbf(path: Path) -> None:
    from fabio.cbfimage import CbfImage

    CbfImage(data=STACK[0].astype(np.int32)).write(str(path))


def _packed(pack: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        _mrc(path.with_name("plain.mrc"))
        path.write_bytes(pack(path.with_name("plain.mrc").read_bytes()))
        path.with_name("plain.mrc").unlink()

    return write


OURS = (".h5", ".npz", ".mrc", ".tif", ".zarr", ".npy", ".cxi")
TILTS = "\n".join(map(str, ANGLES))
XF = "".join(f"   0.9961947  -0.0871557   0.0871557   0.9961947      {i}.000      -1.500\n" for i in range(5))
REFINED = "# phi theta psi (degrees), dy dx (pixels)\n" + "".join(f"0 {a} 0.1 0.5 -1\n" for a in ANGLES)

SAMPLES: dict[str, Callable[[Path], None]] = {
    "a.mrc": _mrc,
    "serial.st": _serial,
    "fei.mrc": _fei,
    "beside.st": _beside,
    "a.mrc.gz": _packed(gzip.compress),
    "a.mrc.bz2": _packed(bz2.compress),
    "a.mdoc": _mdoc,
    "angles.mdoc": _text(MDOC),
    "angles.rawtlt": _text(TILTS),
    "angles.tlt": _text("".join(f"{a:8.2f}\n" for a in ANGLES)),
    "angles.csv": _text("phi,theta,psi\n" + "\n".join(f"0,{a},0" for a in ANGLES)),
    "angles.txt": _text(REFINED),
    "angles.npy": lambda path: np.save(path, ANGLES),
    "angles.mat": lambda path: scipy.io.savemat(path, {"angles": ANGLES}, do_compression=True),
    "a.xf": _text(XF),
    "steps.json": _chain,
    "a.h5": _hdf5,
    "newest.h5": _newest,
    "a.hspy": _hyperspy,
    "a.cxi": _cxi,
    "a.nxs": _nexus,
    "a.emd": _emd,
    "velox.emd": lambda path: velox(path, STACK, ANGLES) and None,
    "exchange.h5": _exchange,
    **{f"{name}.h5": _eiger(name) for name in ("lz4", "bitshuffle", "blosc", "zstd", "plain-lz4")},
    "a.npy": lambda path: np.save(path, STACK),
    "a.npz": lambda path: np.savez_compressed(path, data=STACK, angles=ANGLES),
    "a.tif": _tiff(),
    "packed.tif": _tiff(compression="zlib"),
    "big.btf": _tiff(bigtiff=True, byteorder=">"),
    "tiles.tif": _tiff(tile=(16, 16), compression="zlib"),
    "lzw.tif": _lzw,
    "pages.tif": _pages,
    "imagej.tif": lambda path: tifffile.imwrite(path, STACK, imagej=True, metadata={"axes": "ZYX", "unit": "nm"}),
    "a.ome.tif": lambda path: tifffile.imwrite(path, STACK, ome=True, metadata={"axes": "ZYX", "PhysicalSizeX": 0.33}),
    "frames": _frames,
    "frames.tar": _tar("w"),
    "frames.tar.gz": _tar("w:gz"),
    "frames.tar.bz2": _tar("w:bz2"),
    "a.mat": lambda path: scipy.io.savemat(path, {"projections": STACK.T, "angles": ANGLES}, do_compression=True),
    "plain.mat": lambda path: scipy.io.savemat(path, {"projections": STACK.T, "angles": ANGLES}),
    "v73.mat": _matlab73,
    "a.edf": _edf,
    "frames.edf": _edf_frames,
    "a.cbf": _cbf,
    "a.msk": _fit2d,
    "a.dm3": _dm(3),
    "a.dm4": _dm(4),
    "ome4.zarr": lambda path: ome(path, STACK, "0.4") and None,
    "ome5.zarr": lambda path: ome(path, STACK, "0.5") and None,
    "plain.zarr": _zarr2,
    "shards.zarr": _shards,
    "a.zarr.zip": _zipped_zarr,
    "a.zspy": lambda path: zspy(path, STACK) and None,
    **{f"result{suffix}": _ours("result") for suffix in OURS},
    **{f"series{suffix}": _ours("tilt-series") for suffix in OURS[:-1]},
    **{f"pattern{suffix}": _ours("pattern") for suffix in OURS},
}
"""How to write each sample, by its name."""


def write_sample(name: str, folder: Path) -> Path:
    """Write the sample called `name`, a file or a folder, into a folder of its own in `folder`."""
    path = folder / f"for {name}" / name
    path.parent.mkdir()
    SAMPLES[name](path)
    return path
