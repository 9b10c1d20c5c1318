// The checksum of a manifest, which is that of gzip.

const POLYNOMIAL = 0xedb88320; // bits reversed

/** The comment with the CRC32 of a text of ASCII characters, as it follows the manifest. */
export function checksum(text) {
  let crc = -1;
  for (let i = 0; i < text.length; i += 1) {
    crc ^= text.charCodeAt(i) & 0xff;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
  }
  return ` crc32:${(~crc >>> 0).toString(16).padStart(8, "0")} `;
}
