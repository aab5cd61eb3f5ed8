"""Files of microscopes and of OME-Zarr, laid out by hand as others write them."""

import json
import struct

import h5py
import numpy as np
import zarr


class DM:
    """Writes DM3 and DM4 as Gatan lays them out: a tree of tags, their types in big-endian numbers."""

    def __init__(self, version):
        self.version, self.word = version, ">i" if version == 3 else ">q"

    def number(self, *values):
        return b"".join(struct.pack(self.word, value) for value in values)

    def tag(self, kind, name, body):
        size = b"" if self.version == 3 else struct.pack(">q", len(body))
        return struct.pack(">bh", kind, len(name)) + name.encode() + size + body

    def group(self, name, *tags):
        return self.tag(20, name, b"\1\0" + self.number(len(tags)) + b"".join(tags))

    def simple(self, name, code, value):
        packed = struct.pack({3: "<i", 5: "<I", 6: "<f", 7: "<d"}[code], value)
        return self.tag(21, name, b"%%%%" + self.number(1, code) + packed)

    def text(self, name, value):
        body = b"%%%%" + self.number(3, 20, 4, len(value)) + value.encode("utf-16-le")
        return self.tag(21, name, body)

    def array(self, name, code, values, count=None):
        body = b"%%%%" + self.number(3, 20, code, values.size if count is None else count) + values.tobytes()
        return self.tag(21, name, body)

    def image(self, data, code, kind, units, scales):
        axes = [
            self.group("", self.simple("Origin", 6, 0.0), self.simple("Scale", 6, s), self.text("Units", u))
            for s, u in zip(scales, units, strict=True)
        ]
        brightness = self.group(
            "Brightness", self.simple("Origin", 6, 0.0), self.simple("Scale", 6, 1.0), self.text("Units", "")
        )
        dimensions = self.group("Dimensions", *(self.simple("", 5, n) for n in reversed(data.shape)))
        calibrations = self.group("Calibrations", brightness, self.group("Dimension", *axes))
        content = self.group(
            "ImageData", calibrations, self.array("Data", code, data), self.simple("DataType", 5, kind), dimensions
        )
        return self.group("", content, self.group("ImageTags"), self.text("Name", "needle"))

    def file(self, *images):
        tags = b"\1\0" + self.number(1) + self.group("ImageList", *images)
        return struct.pack(">i", self.version) + self.number(len(tags)) + struct.pack(">i", 1) + tags + bytes(8)


def velox(path, data, tilts, link=None):
    """As Velox lays it out: frames last, a column of JSON for each."""
    with h5py.File(path, "w") as file:
        file.create_dataset("Version", data=np.array([json.dumps({"format": "Velox", "version": "1.11"}).encode()]))
        group = file.create_group("Data/Image/0123456789abcdef0123456789abcdef")
        frames = data.transpose(1, 2, 0)
        group.create_dataset("Data", data=frames, chunks=(*frames.shape[:2], 1))
        columns = np.zeros((3000, len(data)), np.uint8)
        for i, tilt in enumerate(tilts):
            record = {
                "BinaryResult": {
                    "PixelSize": {"width": "3e-10", "height": "3e-10"},
                    "Offset": {"x": "0", "y": "0"},
                    "PixelUnitX": "m",
                    "PixelUnitY": "m",
                    "Detector": "HAADF",
                    "DetectorIndex": "0",
                },
                "Scan": {"FrameTime": "1.0"},
                "Stage": {"AlphaTilt": str(np.radians(tilt))},
                "Detectors": {"Detector-0": {"DetectorName": "HAADF", "ExposureTime": "1.0"}},
                "Core": {}, "Instrument": {}, "Acquisition": {}, "Optics": {}, "Sample": {}, "General": {},
                "CustomProperties": {},
            }  # fmt: skip
            text = json.dumps(record).encode()
            columns[: len(text), i] = np.frombuffer(text, np.uint8)
        group["Metadata"] = columns
        if link:
            file["Operations"] = h5py.ExternalLink(link, "/")
    return path


def zspy(path, data, zarr_format=3):
    """HyperSpy's layout in Zarr, with a tilt of 20 degrees a step."""
    root = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    root.attrs.update({"file_format": "ZSpy", "file_format_version": "3.3"})
    group = root.create_group("Experiments/needle")
    group.create_array("data", data=data, chunks=(1, *data.shape[1:]))
    for i, (name, units) in enumerate([("tilt", "degrees"), ("y", "nm"), ("x", "nm")]):
        scale, offset = (20.0, -40.0) if i == 0 else (0.5, 0.0)
        axis = {"name": name, "units": units, "scale": scale, "offset": offset, "navigate": i == 0}
        group.create_group(f"axis-{i}").attrs.update(axis)
    return path


def ome(path, data, version="0.5", axes="zyx", unit="nanometer", scale=0.5, ours=None, **options):
    """As others write it: two resolutions, the scale of an array times that of the image."""
    root = zarr.open_group(path, mode="w", zarr_format=3 if version == "0.5" else 2)
    for level, step in enumerate((1, 2)):
        root.create_array(str(level), data=np.ascontiguousarray(data[..., ::step, ::step]), **options)
    kinds = {"t": "time", "c": "channel"}
    named = [{"name": a, "type": kinds.get(a, "space")} | ({} if a in kinds else {"unit": unit}) for a in axes]
    scales = [[1.0] * (len(axes) - 2) + [s * scale / 2] * 2 for s in (1, 2)]
    multiscales = [
        {
            "axes": named,
            "datasets": [
                {"path": str(i), "coordinateTransformations": [{"type": "scale", "scale": s}]}
                for i, s in enumerate(scales)
            ],
            "coordinateTransformations": [{"type": "scale", "scale": [1.0] * (len(axes) - 2) + [2.0, 2.0]}],
        }
    ]
    if version == "0.5":
        root.attrs["ome"] = {"version": version, "multiscales": multiscales}
    else:
        root.attrs["multiscales"] = [m | {"version": version} for m in multiscales]
    if ours:
        root.attrs["proxiscope"] = ours
    return path
