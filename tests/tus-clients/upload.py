"""Uploads a video with tuspy: a part, then the rest with a new client from the upload's URL.

Usage: python upload.py SITE ACCESS_TOKEN FILE
"""

import os
import sys
import urllib.request

from tusclient.client import TusClient

site, token, file = sys.argv[1:]
headers = {"Access-Token": token}
metadata = {"title": "by tuspy", "description": "恢复上传", "filename": "clip.mp4"}

first = TusClient(f"{site}/upload/", headers=headers).uploader(
    file, chunk_size=5000, metadata=metadata, upload_checksum=True
)
first.upload_chunk()
assert first.offset == 5000, first.offset

second = TusClient(f"{site}/upload/", headers=headers).uploader(file, url=first.url, chunk_size=5000)
assert second.offset == 5000, f"the site says {second.offset}"
second.upload()

head = urllib.request.Request(first.url, method="HEAD", headers={**headers, "Tus-Resumable": "1.0.0"})
with urllib.request.urlopen(head) as answer:
    assert int(answer.headers["Upload-Offset"]) == os.path.getsize(file)
print(f"tuspy: stopped at 5000, went on to {second.offset}, checksums accepted")
