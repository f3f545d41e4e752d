"""Saves a sinogram again as NumPy does, for SinogramReaderTests: python3 make_numpy.py SINOGRAM.npz

Made with NumPy 1.24.2 from the file that SinogramFixture.Make describes."""
import io
import sys
import zipfile

import numpy as np

arrays = dict(np.load(sys.argv[1]))
np.savez_compressed("numpy_compressed.npz", **arrays)

wide = dict(arrays, logits=arrays["logits"].astype("<f8"), shape=arrays["shape"].astype("<i8"), block_directions=np.int64(arrays["block_directions"]))
with zipfile.ZipFile("numpy_stored.npz", "w") as file:
    for version, (name, array) in enumerate(wide.items()):
        npy = io.BytesIO()
        np.lib.format.write_array(npy, np.asarray(array), version=(1 + version % 3, 0))
        file.writestr(zipfile.ZipInfo(name + ".npy"), npy.getvalue())
