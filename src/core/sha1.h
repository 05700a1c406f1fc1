/* sha1.h - SHA-1 (FIPS 180-4), for the WebSocket handshake and for nothing else.
 *
 * RFC 6455 asks for it as a checksum, not for secrecy: that it is broken does no harm there. Its
 * being here spares godwit/ws.h a cryptography library.
 *
 * Threads: any. */
#ifndef GW_CORE_SHA1_H
#define GW_CORE_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define GW_SHA1_BYTES 20

void gw_sha1(uint8_t out[GW_SHA1_BYTES], const void *data, size_t len);

#endif
