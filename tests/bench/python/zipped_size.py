"""Prints how many bytes the file given is as the only file, `bootstrap`, of a zip file."""

import io
import sys
import zipfile


def main() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.write(sys.argv[1], "bootstrap")
    print(len(packed.getvalue()))


main()
