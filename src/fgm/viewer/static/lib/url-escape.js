// Escapes values for URLs.

/**
 * Escape a value for a URL, but keep it readable. A comma is escaped, because commas separate the items of a list. Half of a
 * surrogate pair becomes U+FFFD, because encodeURIComponent would throw.
 */
export const escapeForUrl = (value) => encodeURIComponent(String(value).replace(/\p{Surrogate}/gu, "\ufffd")).replace(/%(2F|3A)/g, decodeURIComponent);
