/* address.h - an IP address with its port, from text and back.
 *
 * Addresses are numeric: no resolver is asked, because a name that resolves to something else
 * tomorrow would listen somewhere else tomorrow. The one name understood is `localhost`, and it is
 * 127.0.0.1.
 *
 * Threads: any. */
#ifndef GW_LOOP_ADDRESS_H
#define GW_LOOP_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "core/str.h"

/* An IPv4 or IPv6 address with its port. */
union gw_address {
    struct sockaddr any;
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
};

/* Room for any address as text: brackets, 45 characters, colon, five digits, NUL. */
#define GW_ADDRESS_TEXT_MAX 54

/* Reads "192.0.2.1:9880", "[2001:db8::1]:9880" or "localhost:9880". The port is decimal, 0 to
 * 65,535, without leading zeros; no zone, no blanks, no shorthand. Returns 0 or -EINVAL. */
int gw_address_parse(union gw_address *out, struct gw_str text);

/* The same text that gw_address_parse() reads, ended by a NUL; returns its length. `address` is one
 * of the two families. */
size_t gw_address_format(char out[GW_ADDRESS_TEXT_MAX], const union gw_address *address);

/* 127.0.0.0/8 or ::1: only this machine can reach it. An IPv4 address mapped into IPv6 is not,
 * since sockets here never mix the two. */
bool gw_address_is_loopback(const union gw_address *address);

/* What the kernel wants to be told beside the address. */
socklen_t gw_address_len(const union gw_address *address);

#endif
