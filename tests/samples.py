"""A small valid file of every format that is read, made by the libraries of the field."""

import bz2
import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import h5py
import mrcfile
import numpy as np
import scipy.io
import tifffile

STACK = (100 * np.random.default_rng(1).random((5, 12, 10))).astype(np.float32)
ANGLES = np.linspace(-60, 60, 5)

MDOC = "PixelSpacing = 3.3\nImageFile = a.mrc\n\n[T = Tilt axis angle = 85.3, binning = 1]\n\n" + "".join(
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


def _tar(path: Path) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for i, image in enumerate(STACK):
            block = io.BytesIO()
            tifffile.imwrite(block, image)
            entry = tarfile.TarInfo(f"scan/frame_{i}.tif")
            entry.size = block.tell()
            block.seek(0)
            archive.addfile(entry, block)


def _text(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(text) and None


def _edf(path: Path) -> None:
    from fabio.edfimage import EdfImage

    EdfImage(data=STACK[0], header={"PSize_1": "55e-6"}).write(str(path))


def _cbf(path: Path) -> None:
    from fabio.cbfimage import CbfImage

    CbfImage(data=STACK[0].astype(np.int32)).write(str(path))


def _packed(pack: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        _mrc(path.with_name("plain.mrc"))
        path.write_bytes(pack(path.with_name("plain.mrc").read_bytes()))

    return write


SAMPLES: dict[str, Callable[[Path], None]] = {
    "a.mrc": _mrc,
    "serial.st": _serial,
    "fei.mrc": _fei,
    "a.mrc.gz": _packed(gzip.compress),
    "a.mrc.bz2": _packed(bz2.compress),
    "angles.mdoc": _text(MDOC),
    "a.rawtlt": _text("\n".join(map(str, ANGLES))),
    "a.csv": _text("phi,theta,psi\n" + "\n".join(f"0,{a},0" for a in ANGLES)),
    "a.h5": _hdf5,
    "a.hspy": _hyperspy,
    "a.cxi": _cxi,
    "a.nxs": _nexus,
    "a.emd": _emd,
    "a.npy": lambda path: np.save(path, STACK),
    "a.npz": lambda path: np.savez_compressed(path, data=STACK, angles=ANGLES),
    "a.tif": lambda path: tifffile.imwrite(path, STACK, photometric="minisblack"),
    "packed.tif": lambda path: tifffile.imwrite(path, STACK, photometric="minisblack", compression="zlib"),
    "a.ome.tif": lambda path: tifffile.imwrite(path, STACK, ome=True, metadata={"axes": "ZYX", "PhysicalSizeX": 0.33}),
    "a.mat": lambda path: scipy.io.savemat(path, {"projections": STACK.T, "angles": ANGLES}, do_compression=True),
    "plain.mat": lambda path: scipy.io.savemat(path, {"projections": STACK.T, "angles": ANGLES}),
    "frames.tar.gz": _tar,
    "a.edf": _edf,
    "a.cbf": _cbf,
}
"""How to write each sample, by its name."""


def write_samples(folder: Path) -> dict[str, Path]:
    """Write all samples into `folder`: their paths by their names."""
    for name, write in SAMPLES.items():
        write(folder / name)
    return {name: folder / name for name in SAMPLES}
