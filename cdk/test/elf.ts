import type { Architecture } from '../lib/configuration/deployment.js';

/** As much of a Linux program as is looked at: the head of an ELF file for a processor, then some text. */
export function elf(architecture: Architecture, text = ''): Buffer {
  const head = Buffer.alloc(64);
  head.write('\x7fELF', 'latin1');
  head.writeUInt16LE(architecture === 'x86_64' ? 0x3e : 0xb7, 18);
  return Buffer.concat([head, Buffer.from(text, 'latin1')]);
}
