import { unzipSync, zipSync } from 'fflate';

/** The file that Lambda's custom runtimes start. */
const ENTRY = 'bootstrap';

/** A regular file that everybody may read and execute, in the upper half of a zip's external attributes. */
const MODE = 0o100755;

/** Attributes are Unix's. */
const UNIX = 3;

/**
 * A zip with the binary as `bootstrap` at its root, the same bytes for the same binary: CDK names assets by their
 * content, so an unchanged function is not deployed again. The date is the earliest that a zip can hold.
 */
export function releaseZip(binary: Uint8Array): Uint8Array {
  return zipSync({
    [ENTRY]: [binary, { level: 9, os: UNIX, attrs: (MODE << 16) >>> 0, mtime: new Date(1980, 0, 1) }],
  });
}

/** The binary in a zip, if it has one. */
export function binaryIn(zip: Uint8Array): Uint8Array | undefined {
  return unzipSync(zip, { filter: ({ name }) => name === ENTRY })[ENTRY];
}
