/** A host name or an IP address as URLs and `Host` headers have it: an IPv6 address stands in brackets (RFC 3986 §3.2.2). */
export function hostInUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
