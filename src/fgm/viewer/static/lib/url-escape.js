// Values inside URLs.

/**
 * A value escaped for a URL, as readable as possible. A comma within it is escaped: it does not separate the items of a list.
 * Half of a surrogate pair becomes U+FFFD, as encodeURIComponent would throw.
 */
export const escapeForUrl = (value) => encodeURIComponent(String(value).replace(/\p{Surrogate}/gu, "\ufffd")).replace(/%(2F|3A)/g, decodeURIComponent);
