import os
import sys

from osgeo import gdal

gdal.UseExceptions()
# It has settings of its own for where S3 is.
os.environ["AWS_S3_ENDPOINT"] = os.environ["AWS_ENDPOINT_URL_S3"].removeprefix("http://")
os.environ["AWS_HTTPS"] = "NO"
# Otherwise it signs `//` where it asks for `/`.
os.environ["AWS_VIRTUAL_HOSTING"] = "TRUE"


def call():
    # It remembers a list of buckets. One that was refused is empty; another has at least an entry for the directory itself.
    gdal.ErrorReset()
    gdal.VSICurlClearCache()
    if not gdal.ReadDir("/vsis3/"):
        raise RuntimeError(gdal.GetLastErrorMsg() or "no list of buckets")
    return "listed"


for line in sys.stdin:
    try:
        assert line == "call\n", f"no such question: {line}"
        print("ok", call(), flush=True)
    except Exception as error:
        print(f"error {type(error).__name__}: {error}".replace("\n", " "), flush=True)
