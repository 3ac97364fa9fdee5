import os
import sys

from pyarrow import fs

# pyarrow brings the SDK for C++, statically linked.
store = fs.S3FileSystem(endpoint_override=os.environ["AWS_ENDPOINT_URL_S3"].removeprefix("http://"), scheme="http")

for line in sys.stdin:
    try:
        assert line == "call\n", f"no such question: {line}"
        print("ok", len(store.get_file_info(fs.FileSelector(""))), "buckets", flush=True)
    except Exception as error:
        print(f"error {type(error).__name__}: {error}".replace("\n", " "), flush=True)
